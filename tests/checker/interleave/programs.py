"""Small random programs for the fake machine: two or three harts, a few operations each, locks well nested or not."""

from __future__ import annotations

from random import Random

from tests.checker.interleave.fake import FakeMachine


def random_program(random: Random, words: str, locks: str, length: int, panics: bool) -> str:
    """One hart's operations; it gives back what it takes."""
    operations: list[str] = []
    held: list[str] = []
    while len(operations) < length:
        draw, word = random.random(), random.choice(words)
        free = [lock for lock in locks if lock not in held]
        if draw < 0.2 and free:
            held.append(random.choice(free))
            operations.append(f"take {held[-1]}")
        elif draw < 0.35 and held:
            operations.append(f"give {held.pop(random.randrange(len(held)))}")
        elif draw < 0.6:
            operations.append(f"load {word}")
        elif draw < 0.9:
            operations.append(f"store {word}")
        elif draw < 0.96 or not panics:
            operations += [f"unless {word}", f"{random.choice(('load', 'store'))} {random.choice(words)}"]
        else:
            operations += [f"unless {word}", "panic"]
    return ", ".join([*operations, *(f"give {lock}" for lock in held)])


def random_machine(seed: int, panics: bool = False) -> FakeMachine:
    """A machine with two or three harts. Some words and locks are points, some are not."""
    random = Random(seed)
    harts = random.choice((2, 2, 3))
    words, locks = "xyz"[: random.randint(1, 3)], "LM"[: random.randint(1, 2)]
    length = 4 if harts == 2 else 2
    programs = [random_program(random, words, locks, random.randint(1, length), panics) for _ in range(harts)]
    hot = [name for name in words + locks if random.random() < 0.75]
    return FakeMachine(*programs, hot=" ".join(hot))
