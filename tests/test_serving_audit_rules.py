"""Rules of market places: bounds, the package's own file, and files with mistakes."""

import datetime
import json

import pytest

from serving.audit.measures import MEASURES
from serving.audit.rules import PATH, Rule, find_places, read_places
from zoo.errors import UnknownNameError, WrongUsageError


def write(tmp_path, **changes):
    rule = {"measure": "bits", "at_most": 8, **changes.pop("rule", {})}
    place = {"title": "A", "is_official": True, "sources": ["a"], "read": "2026-11", "rules": [rule]}
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"a": {**place, **changes}}))
    return path


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (Rule("width", at_least=500), [500, 501], [499]),
        (Rule("width", at_most=500), [500], [501]),
        (Rule("fill", at_least=0.75, at_most=0.9), [0.75, 0.9], [0.74, 0.91]),
        (Rule("ratio", equals=0.75), [0.75, 0.762, 0.738], [0.77, 0.73, 1.0]),
        (Rule("has_frame", equals=False), [False], [True]),
        (Rule("format", one_of=("jpeg", "png")), ["jpeg"], ["webp"]),
    ],
)
def test_bounds(rule, allowed, refused):
    assert all(map(rule.allows, allowed))
    assert not any(map(rule.allows, refused))


def test_the_packages_rules_name_their_sources():
    places = read_places(list(MEASURES))
    assert {"amazon", "ebay", "google", "walmart", "zalando", "aboutyou", "shopify"} <= places.keys()
    assert all(place.sources and place.rules for place in places.values())
    assert not places["amazon"].is_official
    assert places["ebay"].is_official


def test_old_rules_are_told():
    (place,) = find_places(["ebay", "ebay"], read_places(list(MEASURES)))
    assert not place.is_ageing(datetime.date(2027, 4, 1))
    assert place.is_ageing(datetime.date(2027, 6, 1))


def test_a_place_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(UnknownNameError, match="Unknown place. Received: 'amazn'.*Did you mean 'amazon'"):
        find_places(["amazn"], read_places(list(MEASURES)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": {"measure": "widht"}}, "Unknown measure of a. Received: 'widht'"),
        ({"rule": {"at_lest": 3}}, "Unknown entry of a rule of a. Received: 'at_lest'.*'at_least'"),
        ({"titel": "A"}, "Unknown entry of a. Received: 'titel'.*'title'"),
        ({"read": "last week"}, "rules.json: "),
        ({"rules": [{"measure": "bits"}]}, "a rule of a about bits has none of at_least"),
        ({"rules": None}, "rules.json: "),
    ],
)
def test_mistakes_in_a_file_of_rules_are_told(tmp_path, changes, message):
    with pytest.raises(WrongUsageError, match=message):
        read_places(list(MEASURES), write(tmp_path, **changes))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": {}}', '{"a": 3}'])
def test_a_file_that_holds_no_rules_is_refused(tmp_path, content):
    path = tmp_path / "rules.json"
    path.write_text(content)
    with pytest.raises(WrongUsageError, match="must be as serving/audit/rules.json is. Received: "):
        read_places(list(MEASURES), path)


def test_the_file_is_part_of_the_package():
    assert PATH.exists()
    assert PATH.parent.name == "audit"
