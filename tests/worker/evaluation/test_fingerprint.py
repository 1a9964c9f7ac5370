"""Policies have the same fingerprint when every bit of their parameters is the same."""

import copy

import torch
from torch import nn

from worker.evaluation import fingerprint as module
from worker.evaluation.fingerprint import fingerprint
from worker.parallel.devices import Devices

ALONE = Devices.alone()


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 5))


def test_a_copy_has_the_same_and_the_lowest_bit_of_one_number_changes_it():
    policy = model()
    before = fingerprint(policy, ALONE)
    assert fingerprint(copy.deepcopy(policy), ALONE) == before
    with torch.no_grad():
        number = policy[0].weight[3, 2]
        policy[0].weight[3, 2] = torch.nextafter(number, number + 1)
    assert fingerprint(policy, ALONE) != before


def test_numbers_that_have_changed_places_change_it():
    policy = model()
    before = fingerprint(policy, ALONE)
    with torch.no_grad():
        policy[1].weight.copy_(policy[1].weight.flip(0))
    assert fingerprint(policy, ALONE) != before
    swapped = nn.Sequential(model()[0], model()[1])
    with torch.no_grad():
        swapped[0].bias.copy_(model()[1].bias)
        swapped[1].bias.copy_(model()[0].bias)
    assert fingerprint(swapped, ALONE) != before


def test_it_does_not_depend_on_how_much_is_looked_at_together(monkeypatch):
    before = fingerprint(model(), ALONE)
    monkeypatch.setattr(module, "CHUNK", 4)
    assert fingerprint(model(), ALONE) == before
