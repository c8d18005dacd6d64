"""What mypy must refuse: `make lint` fails where one of these ignores is not needed. Nobody calls this.

A misspelt name or option of the Python API is found before anything runs.
"""

import imgprep


def misspelt() -> None:
    """Each line has one mistake."""
    imgprep.audit("s.yaml", stge="source")  # type: ignore[call-arg]
    imgprep.audit("s.yaml", stage="sauce")  # type: ignore[arg-type]
    imgprep.convert("s.yaml", sede=3)  # type: ignore[call-arg]
    imgprep.convert("s.yaml", seed="3")  # type: ignore[arg-type]
    imgprep.split("s.yaml", outputs="x")  # type: ignore[call-arg]
    imgprep.augment("s.yaml", setings={})  # type: ignore[call-arg]
    imgprep.pack("s.yaml", wokers=3)  # type: ignore[call-arg]
    imgprep.run("s.yaml", gaet=True)  # type: ignore[call-arg]
    imgprep.curate("s.yaml", rule={})  # type: ignore[call-arg]
    imgprep.rebuild("s.yaml", "a#1", progres=True)  # type: ignore[call-arg]
    imgprep.diff("a", "b", formt="x")  # type: ignore[call-arg]
    imgprep.preprocess(b"", "x", colour="x")  # type: ignore[call-arg]
    imgprep.folds("x", splt="x")  # type: ignore[call-arg]
    train = imgprep.load("x", splt="train")  # type: ignore[call-arg]
    train.batches(32, shufle=True)  # type: ignore[call-arg]
    train.torch(channel_first=True)  # type: ignore[call-arg]
    train.keras(32, shufle=True)  # type: ignore[call-arg]
    train.tf(32, shufle=True)  # type: ignore[call-arg]
    imgprep.pakc("s.yaml")  # type: ignore[attr-defined]
