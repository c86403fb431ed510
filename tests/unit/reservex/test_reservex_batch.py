"""Batches: made of columns of any whole numbers, refused when they are something else, and a copy of them."""

import numpy as np
import pytest

from rexnet_grid.reservex import OrderBatch
from rexnet_grid.reservex.layout import COMMAND

COLUMNS = [[3, 0, 1], [5, 5, 6], [0, 1, 0], [40, -7, 0], [2, 9, 1], [0, 2, 1], [0, 4, 2]]


def plain(batch):
    return batch.rows[:, :7].T.tolist()


def test_batch_takes_whole_numbers_of_any_kind():
    wide = np.array(COLUMNS)
    every_other = np.repeat(wide, 2, axis=1)[:, ::2]
    for given in (COLUMNS, wide, every_other, wide.astype(np.int32), wide.astype(np.int16), wide.T.copy().T):
        assert plain(OrderBatch(*given)) == COLUMNS
    assert len(OrderBatch(*np.zeros((7, 0), dtype=np.int64))) == 0
    assert OrderBatch(*wide).rows.shape == (3, COMMAND)


def test_batch_refuses_what_is_no_column_of_whole_numbers():
    wide = np.array(COLUMNS)
    for column, name in enumerate(("account", "unit", "side", "price", "lots", "action", "order_id")):
        given = list(wide)
        given[column] = wide[column] + 0.5
        with pytest.raises(ValueError, match=f"{name} must hold whole numbers, not float64"):
            OrderBatch(*given)
        given[column] = wide[column, :2]
        with pytest.raises(ValueError, match="equally long"):
            OrderBatch(*given)
    with pytest.raises(ValueError, match="one-dimensional"):
        OrderBatch(*([wide] * 7))


def test_batch_is_a_copy_and_can_be_continued():
    wide = np.array(COLUMNS)
    batch = OrderBatch(*wide)
    wide[:] = 0
    assert plain(batch) == COLUMNS
    assert plain(batch.then(batch)) == [2 * column for column in COLUMNS]
    assert plain(OrderBatch.cancel(4, np.array([8, 9])))[0::5] == [[4, 4], [1, 1]]
