import pytest

from gw.ledger.direct import Direct


def test_the_job_runs_where_it_stands() -> None:
    assert Direct().run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        Direct().run(divmod, 1, 0)
