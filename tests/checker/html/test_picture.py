"""What a page holds of pictures is little, and all of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.html.picture import Frame, Page, Picture, drawing
from tests.checker.html.samples import STORY, long_story

KEYS = [("process", pid, vpn) for pid in (2, 3) for vpn in (0, 1)] + [("tlb", 0, 0)]
PAGES = st.one_of(
    st.builds(lambda frame, flags: (frame, flags), st.sampled_from([1, 2]), st.sampled_from(["R--UC", "RW-U-"])),
    st.just((None, "not mapped")),
)
FRAMES = st.fixed_dictionaries(
    {number: st.builds(Frame, st.just(f"frame {number}"), st.booleans(), st.lists(st.text("ab"), max_size=2).map(tuple))
     for number in (1, 2)}
)  # fmt: skip
PICTURES = st.builds(
    lambda pages, frames, remark: Picture(
        {key: Page(f"{key[0]} {key[1]}", f"page {key[2]}", frame, flags, "W" in flags)
         for key, (frame, flags) in pages.items()},
        frames,
        {"process 2": remark},
    ),
    st.dictionaries(st.sampled_from(KEYS), PAGES),
    FRAMES,
    st.sampled_from(["", "is killed"]),
)  # fmt: skip


def put_together(values: dict[str, Any]) -> list[dict[str, dict[int, Any]]]:
    """What the page's script makes of it: of each moment, all that is so."""
    now: dict[str, dict[int, Any]] = {"o": {}, "p": {}, "f": {}}
    moments = []
    for moment in values["moments"]:
        for kind, news in moment.items():
            now[kind].update({int(number): value for number, value in news.items()})
        moments.append({kind: dict(known) for kind, known in now.items()})
    return moments


@given(st.lists(PICTURES, min_size=1, max_size=6))
def test_every_picture_can_be_put_together_again(pictures: list[Picture]) -> None:
    values = drawing(pictures)
    keys = sorted({key for picture in pictures for key in picture.pages})
    assert [values["owners"][owner] for owner, _ in values["pages"]] == [f"{key[0]} {key[1]}" for key in keys]
    for picture, moment in zip(pictures, put_together(values), strict=True):
        for number, key in enumerate(keys):
            page = picture.pages.get(key)
            frame, flags, writable = moment["p"][number]
            assert (None if frame is None else frame + 1) == (page.frame if page else None)
            assert (flags, bool(writable)) == ((page.flags, page.writable) if page else ("", False))
        for number, frame_number in enumerate((1, 2)):
            shown = picture.frames[frame_number]
            assert moment["f"][number] == [int(shown.free), list(shown.facts)]
        if "process 2" in values["owners"]:
            assert moment["o"][values["owners"].index("process 2")] == picture.remarks["process 2"]


def test_a_moment_holds_only_what_is_new_in_it() -> None:
    values = drawing(STORY.pictures)
    assert values["moments"][1] == {"f": {"1": [0, ["refcnt 1", "1 mapping"]]}}
    assert values["moments"][2] == {}
    assert values["moments"][3]["p"] == {"1": [0, "RW-U-", 1]}
    assert values["moments"][3]["o"] == {"1": "is killed"}


def test_the_size_grows_with_what_changes_alone() -> None:
    same = STORY.pictures[:1] * 1000
    assert sum(map(len, drawing(same)["moments"][1:])) == 0
    assert len(drawing(long_story(1000).pictures)["moments"]) == 1001
