"""Pipelines whose prompt model never saw a source: what the shipped policies would do with texts from elsewhere.

Sources are left out in groups, so that a few models serve all; a group never splits a source and its twins.
"""

import importlib.util
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

from gw.cli.judge import SystemClock
from gw.defender.engine import Engine
from gw.defender.guards import make_guards
from gw.defender.guards.base import Services
from gw.defender.guards.prompt import PromptGuard, PromptModel
from gw.defender.pipeline import Pipeline
from gw.policy.handle import PolicyHandle
from gw.policy.loader import load

TRAINER = Path(__file__).parents[2] / "packaging/train-prompt-model.py"
GROUPS: tuple[frozenset[str], ...] = (
    frozenset(("pyrit_templates", "self_instruct", "docs_dev", "giskard", "patt")),
    frozenset(("langkit", "cyberseceval", "cyberseceval_multilingual", "code_dev", "mt_bench", "gptfuzz")),
    frozenset(("defenseclaw", "agentbench_os", "openclaw_docs", "openclaw_skills", "taksec")),
    frozenset(("sms", "injecagent", "injecagent_base", "injecagent_enhanced")),
)  # sources that are never trained on need no group: the shipped model has not seen them


def trainer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_prompt_model", TRAINER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pipelines_without(sources: Collection[str], corpora: Path) -> dict[str, Pipeline]:
    """Source -> a pipeline with a model trained without its group."""
    found = {}
    train = trainer().train
    for group in GROUPS:
        if group & set(sources):
            pipeline = _pipeline(PromptModel(train(corpora, group)))
            found.update(dict.fromkeys(group, pipeline))
    return found


def _pipeline(model: PromptModel) -> Pipeline:
    clock = SystemClock()
    policy, _ = load()
    services = Services(clock)
    guards = [PromptGuard(model) if guard.name == "prompt" else guard for guard in make_guards(services)]
    return Pipeline(PolicyHandle(policy), Engine(guards), clock)
