"""Where settings' configurations differ."""

from backend.analysis.differences import config_differences


def test_nested_fields_by_dotted_path():
    found = config_differences(
        {
            "short": {"epochs": 3, "rollout": {"temperature": 1.0, "n": 8}},
            "long": {"epochs": 9, "rollout": {"temperature": 1.0, "n": 16}},
        }
    )
    assert [(d.path, d.values) for d in found] == [
        ("epochs", {"short": 3, "long": 9}),
        ("rollout.n", {"short": 8, "long": 16}),
    ]


def test_a_field_that_only_one_kind_has_is_no_difference():
    found = config_differences({"sft": {"epochs": 3}, "rl": {"epochs": 3, "kl": 0.1}})
    assert found == ()


def test_none_is_a_value():
    (found,) = config_differences({"a": {"limit": None}, "b": {"limit": 5}})
    assert found.values == {"a": None, "b": 5}
