"""Text as the rules see it: bounded views that undo disguises, and what was noticed while undoing them.

Knows no policy and no verdict. Invariant: total on any str, linear and bounded; every view maps back to the original.
"""

from gw.defender.text.normaliser import Normalised, views

__all__ = ["Normalised", "views"]
