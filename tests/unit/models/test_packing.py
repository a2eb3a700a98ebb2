# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from katsuo.models import packing
from katsuo.models.packing import Tree

pytestmark = pytest.mark.train

IDS = st.integers(1, 9)
ROWS = st.lists(IDS, min_size=1, max_size=5).map(tuple)
TREES = st.builds(Tree, prompt=ROWS, choices=st.lists(ROWS, min_size=1, max_size=4).map(tuple))
TREE = Tree(prompt=(5, 6), choices=((1, 2, 3), (4,), (7, 8)))


def seen(trees: list[Tree]) -> list[list[list[int]]]:
    """For each predicted token, by tree: the ids that its prediction may look at, in order."""
    pack = packing.pack(trees)
    mask = packing.mask_B1TT(pack.branches_BT, torch.float32)[:, 0] == 0
    width = pack.ids_BT.shape[1]
    found: list[list[list[int]]] = [[] for _ in trees]
    for source in pack.sources_N.tolist():
        row, place = divmod(source, width)
        found[row].append(pack.ids_BT[row][mask[row, place]].tolist())
    return found


def test_choices_stand_behind_one_prompt_without_their_last_token() -> None:
    pack = packing.pack([TREE, Tree(prompt=(5,), choices=((1,),))])
    assert pack.ids_BT.tolist() == [[5, 6, 1, 2, 7], [5, 0, 0, 0, 0]]
    assert pack.positions_BT[0].tolist() == [0, 1, 2, 3, 2]
    assert pack.branches_BT.tolist() == [[0, 0, 1, 1, 3], [0, -1, -1, -1, -1]]
    assert pack.sources_N.tolist() == [1, 2, 3, 1, 1, 4, 5]
    assert pack.labels_N.tolist() == [1, 2, 3, 4, 7, 8, 1]
    assert (TREE.n_places, TREE.n_positions) == (5, 5)


@given(trees=st.lists(TREES, min_size=1, max_size=3))
def test_every_token_is_predicted_from_the_prompt_and_its_own_choice(trees: list[Tree]) -> None:
    expected = [
        [
            [*tree.prompt, *choice[:n_read]]
            for choice in tree.choices
            for n_read in range(len(choice))
        ]
        for tree in trees
    ]
    assert seen(trees) == expected


@given(trees=st.lists(TREES, min_size=1, max_size=3))
def test_no_place_sees_nothing(trees: list[Tree]) -> None:
    mask = packing.mask_B1TT(packing.pack(trees).branches_BT, torch.bfloat16)
    assert bool((mask == 0).any(-1).all())


@given(tree=TREES)
def test_the_trees_of_choices_alone_hold_the_same_choices(tree: Tree) -> None:
    alone = tree.alone()
    assert tuple(one.choices[0] for one in alone) == tree.choices
    assert max(one.n_positions for one in alone) == tree.n_positions
    assert not any(one.is_branched for one in alone)


def test_nats_are_summed_by_choice() -> None:
    assert packing.summed([1, 2, 3, 10, 100, 200], [TREE]) == [(6, 10, 300)]


@pytest.mark.parametrize(
    ("prompt", "choices"),
    [
        pytest.param((), ((1,),), id="no-prompt"),
        pytest.param((1,), (), id="no-choices"),
        pytest.param((1,), ((2,), ()), id="an-empty-choice"),
    ],
)
def test_a_tree_without_a_part_is_a_bug(
    prompt: tuple[int, ...], choices: tuple[tuple[int, ...], ...]
) -> None:
    with pytest.raises(AssertionError):
        Tree(prompt=prompt, choices=choices)
