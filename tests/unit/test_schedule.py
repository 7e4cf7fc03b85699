"""The schedule of short fine-tunings."""

from __future__ import annotations

from yolow.recipes.schedule import short_schedule


def test_a_small_data_set_gets_one_step_a_batch_at_a_smaller_rate() -> None:
    schedule = short_schedule(images=181, epochs=15, batch=16, classes=1)
    assert schedule is not None
    assert schedule["nbs"] == 16
    assert schedule["lr0"] == 0.001  # half of upstream's 0.002: a quarter of the images a step
    assert schedule["warmup_bias_lr"] == 0.0


def test_the_rate_falls_with_the_number_of_classes_as_upstreams_does() -> None:
    schedule = short_schedule(images=181, epochs=15, batch=16, classes=80)
    assert schedule is not None
    assert schedule["lr0"] == round(0.002 * 5 / 84 / 2, 6)


def test_long_runs_large_batches_and_unknown_batches_keep_upstreams_choice() -> None:
    assert short_schedule(images=118_000, epochs=15, batch=16, classes=80) is None
    assert short_schedule(images=181, epochs=15, batch=64, classes=1) is None
    assert short_schedule(images=181, epochs=15, batch=-1, classes=1) is None
