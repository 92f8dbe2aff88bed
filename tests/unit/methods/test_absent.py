"""What is absent is said to be none, in the shape clients accept."""

import json
from typing import Any

import pytest

from gw.methods.absent import ABSENT, NO_CRON, Absent, AbsentCron
from tests.support import openclaw
from tests.unit.methods.plain import ask

# Methods whose published result has a definition.
SHAPES = [
    ("commands.list", "CommandsListResult"),
    ("environments.list", "EnvironmentsListResult"),
    ("exec.approval.grants.list", "ExecApprovalGrantsListResult"),
    ("plugins.list", "PluginsListResult"),
    ("plugins.uiDescriptors", "PluginsUiDescriptorsResult"),
    ("progressCard.get", "ProgressCardGetResult"),
    ("projects.list", "ProjectsListResult"),
    ("question.list", "QuestionListResult"),
    ("session.discussion.info", "SessionDiscussionInfoResult"),
    ("sessions.catalog.list", "SessionsCatalogListResult"),
    ("sessions.companion.state", "SessionsCompanionStateResult"),
    ("sessions.groups.defaults", "SessionsGroupsDefaultsResult"),
    ("sessions.observer.visibility", "SessionsObserverVisibilityResult"),
    ("talk.catalog", "TalkCatalogResult"),
    ("taskSuggestions.list", "TaskSuggestionsListResult"),
    ("tasks.list", "TasksListResult"),
]


@pytest.mark.parametrize("method", sorted(ABSENT | NO_CRON))
def test_what_is_absent_is_said_to_be_none(method: str) -> None:
    family, table = (Absent(), ABSENT) if method in ABSENT else (AbsentCron(), NO_CRON)
    answer: Any = ask(family, method, {"anything": 1})
    assert answer == table[method]
    lists = [answer] if isinstance(answer, list) else [v for v in answer.values() if isinstance(v, list)]
    assert all(items == [] for items in lists)


@pytest.mark.openclaw
@pytest.mark.parametrize("method, definition", SHAPES)
def test_answers_fit_the_published_schema(method: str, definition: str) -> None:
    answer = json.loads(json.dumps(ask(Absent(), method)))
    assert openclaw.problems(definition, answer) == []
