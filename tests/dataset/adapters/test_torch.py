import multiprocessing
from typing import Any

import numpy as np
import pytest

from imgprep.dataset.loader import Dataset
from imgprep.errors import RequestError
from tests.dataset.adapters.conftest import CLASSES, PRICE, SHAPE, STATE, TAGS, TOTAL, Packed

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")


def numbers(images: Any) -> list[int]:
    return [int(image.flatten()[-1]) for image in images]


def test_a_sample_and_several_are_tensors_with_channels_first(packed: Packed) -> None:
    train = packed().torch()
    assert isinstance(train, data.Dataset)
    assert (len(train), train.classes) == (TOTAL, CLASSES)
    image, label = train[9]
    assert image.shape == (3, 6, 5)
    assert image.dtype == torch.uint8
    assert (image[0, 0, 0], image[1, 0, 0], label.dtype, int(label)) == (100, 9, torch.int64, 2)
    images, labels = train[[9, 0, -1]]
    assert numbers(images) == [9, 0, 22]
    assert labels.tolist() == [2, 0, 0]
    assert packed("float32").torch(channels_first=False)[3][0].shape == SHAPE


def test_weights_are_a_tensor_in_the_order_of_the_labels_though_a_class_is_empty(packed: Packed) -> None:
    train = packed().torch()
    assert train.class_weights.dtype == torch.float32
    assert train.class_weights.tolist() == [0.75, 0.0, 1.5]
    loss = torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 2]), weight=train.class_weights)
    assert loss == pytest.approx(np.log(3))


def test_one_hot_labels_are_float32_and_sixteen_bits_become_int32(packed: Packed) -> None:
    _, label = packed(one_hot=True).torch()[1]
    assert label.dtype == torch.float32
    assert label.tolist() == [0, 0, 1]
    images, _ = packed("uint16").torch()[[1]]
    assert images.dtype == torch.int32


@pytest.mark.parametrize("start", [None, *multiprocessing.get_all_start_methods()])
def test_a_loader_sees_every_image_once(packed: Packed, start: str | None) -> None:
    options = {} if start is None else {"num_workers": 2, "multiprocessing_context": start}
    loader = data.DataLoader(packed().torch(), batch_size=4, shuffle=True, **options)
    seen: list[int] = []
    for images, labels in loader:
        assert images.shape[1:] == (3, 6, 5)
        assert labels.tolist() == [number % 2 * 2 for number in numbers(images)]
        seen += numbers(images)
    assert sorted(seen) == list(range(TOTAL))


def test_whole_batches_are_not_collated_again(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    train = packed().torch()
    monkeypatch.setattr(type(train), "__getitem__", never)
    images, labels = next(iter(data.DataLoader(train, batch_size=5)))
    assert (numbers(images), labels.tolist()) == ([0, 1, 2, 3, 4], [0, 2, 0, 2, 0])
    images, _ = next(iter(data.DataLoader(train, batch_size=3, collate_fn=lambda samples: list(zip(*samples)))))  # noqa: B905
    assert numbers(images) == [0, 1, 2]


def test_a_transform_gets_each_image(packed: Packed) -> None:
    train = packed().torch(lambda image: image[:, :2, :2].float() / 2)
    images, _ = train[[4, 6]]
    assert images.shape == (2, 3, 2, 2)
    assert images[:, 1, 1, 1].tolist() == [2.0, 3.0]
    assert train[4][0].shape == (3, 2, 2)
    with pytest.raises(RequestError, match="the transform gave a str"):
        packed("float32").torch(str)[[0]]
    sizes = iter([1, 2])
    with pytest.raises(RequestError, match="several shapes"):
        packed("float64").torch(lambda image: image[:, : next(sizes)])[[0, 1]]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_a_distributed_sampler_shares_the_images(packed: Packed, ranks: int) -> None:
    train = packed().torch()
    seen: list[int] = []
    for rank in range(ranks):
        sampler = data.DistributedSampler(train, ranks, rank, shuffle=True, seed=3)
        seen += [number for images, _ in data.DataLoader(train, 4, sampler=sampler) for number in numbers(images)]
    assert set(seen) == set(range(TOTAL))
    assert len(seen) == -(-TOTAL // ranks) * ranks  # PyTorch's sampler repeats a few to make the shares equal


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_stateful_loader_goes_on_in_the_middle_of_an_epoch(packed: Packed, workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

    def loader() -> Any:
        generator = torch.Generator().manual_seed(1)
        return stateful(packed_train, batch_size=4, shuffle=True, num_workers=workers, generator=generator)

    packed_train = packed().torch()
    whole = [numbers(images) for images, _ in loader()]
    first, begun = loader(), []
    for images, _ in first:
        begun.append(numbers(images))
        if len(begun) == 2:
            state = first.state_dict()
            break
    second = loader()
    second.load_state_dict(state)
    assert begun + [numbers(images) for images, _ in second] == whole


def test_an_epoch_of_training_lowers_the_loss(packed: Packed) -> None:
    train = packed("float32").torch()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(int(np.prod(SHAPE)), len(CLASSES)))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    losses = []
    for _ in range(3):
        for images, labels in data.DataLoader(train, batch_size=TOTAL):
            loss = torch.nn.functional.cross_entropy(model(images), labels, weight=train.class_weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("start", [None, "spawn"])
def test_targets_come_as_a_third_member_in_samples_and_batches(packed: Packed, start: str | None) -> None:
    train = packed(targets=["state", "price", "tags"]).torch()
    _, label, targets = train[3]
    assert (int(label), int(targets["state"]), float(targets["price"])) == (2, 0, 1.5)
    assert targets["tags"].tolist() == [1, 0]
    options = {} if start is None else {"num_workers": 1, "multiprocessing_context": start}
    seen: list[int] = []
    for images, labels, answers in data.DataLoader(train, batch_size=4, shuffle=True, **options):
        rows = numbers(images)
        assert labels.tolist() == [number % 2 * 2 for number in rows]
        assert [answers[name].dtype for name in answers] == [torch.int64, torch.float32, torch.float32]
        assert answers["state"].tolist() == STATE[rows].tolist()
        np.testing.assert_array_equal(answers["price"].numpy(), PRICE[rows])
        assert answers["tags"].tolist() == TAGS[rows].tolist()
        seen += rows
    assert sorted(seen) == list(range(TOTAL))


def test_targets_are_collated_by_another_collate_function_too(packed: Packed) -> None:
    train = packed(targets=["price"]).torch()
    images, _, answers = data.default_collate([train[1], train[2]])
    assert (numbers(images), answers["price"].tolist()) == ([1, 2], [0.5, 1.0])


def test_features_take_the_place_of_images(features: Dataset) -> None:
    train = features.torch()
    feature, label = train[5]
    assert (feature.tolist(), int(label)) == (features[5][0].tolist(), 2)
    loader = data.DataLoader(train, batch_size=8, shuffle=True)
    batches = list(loader)
    assert [tuple(values.shape) for values, _ in batches] == [(8, 4), (8, 4), (7, 4)]
    assert batches[0][0].dtype == torch.float32
    assert sorted(int(value) for values, _ in batches for value in values[:, 0]) == list(range(TOTAL))
