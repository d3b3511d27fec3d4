"""One table of requests, sent over gRPC and over REST: each answers as TF Serving does over that protocol."""

from collections import Counter

import pytest
from conformance_case import GRPC, REST, ask, expected_status
from conformance_table import CASES


@pytest.mark.parametrize("protocol", [GRPC, REST])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_answer(case, protocol):
    outcome = ask(case, protocol)
    status, message = case.expected(protocol)
    assert outcome.status == expected_status(case, protocol), outcome.message
    if message.endswith("..."):
        assert outcome.message.startswith(message.removesuffix("..."))
    else:
        assert outcome.message == message
    assert outcome.answer == (case.answer if status == "OK" else None)


def test_every_case_has_a_name_of_its_own():
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []
