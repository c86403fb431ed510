"""Where everything lies in the flat memory of an exchange.

The whole state of an exchange is one int64 array ``M`` (the arena), a table ``D`` from order id to record, an event
table ``E`` and, under admission, one float64 table ``F``. An address is an index into ``M``; 0 is "nothing". An order
is a record of eight words, one cache line, a level one of four; freed records are used again. No size depends on the
range of prices.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

NO_PRICE: int = -(2**63)
BUY, SELL = 0, 1
NO_SIDE, NO_WORD = -1, NO_PRICE  # in the place of a side: it, or another word of the order, is none that is known
RECORD = 8
WIDE = 5 * RECORD
MOST_WORDS = 1 << 31  # addresses of levels and of the orders in their queues are half words
ROOM = 96  # words that one command may need beyond those of freed records
OWNER_BITS = 20
OWNER_MASK = (1 << OWNER_BITS) - 1
MAX_ACCOUNTS = 1 << OWNER_BITS
MAX_ABS_PRICE = 1 << 30

# header of M
H_BUMP = 0  # first word never used
H_FREE = 1  # chain of freed records
H_HASH = 2  # address of the hash table
H_SLOTS = 3  # its slots
H_HCOUNT = 4  # its entries
H_NEXT_ID = 5
H_LOG = 6  # events written
H_CLIPS = 7  # displayed clips that resting orders can still give: bounds the fills of one order
H_ACC = 8  # address of the account table
H_NACC = 9
H_ACC_CAP = 10
H_MIN = 11
H_MAX = 12
H_MAX_LOTS = 13
H_STP = 14  # self-trade policy
H_DEPTH = 15  # levels of the price trie
H_LIVE = 16
H_RING = 17  # address of the ring of books
H_RING_MASK = 18
H_FILLED = 19  # lots filled by the last command
H_PRORATA = 20  # 1: the marginal price of a call auction is shared pro rata
H_COLLATERAL = 21  # 1: collateral limits are enforced
H_FREE_BLOCK = 22  # chain of freed position blocks
H_VERSION = 23
H_FREE_BOOK = 24  # chain of freed books
H_QUOTER = 25  # account + 1 that alone may rest orders in continuous trading; 0: everybody
H_WORDS = 26  # length of M
H_IDS = 27  # length of D
H_ROWS = 28  # rows of E
H_LEGS = 29  # legs of waiting blocks
H_DUE = 30  # 1: waiting blocks may be able to trade in the unit of the last event
H_STATE = 31  # 1: the two-state maker's world is in its high state
H_FREE_SMALL = 32  # chain of freed records of four words
H_FREE_WIDE = 33  # chain of freed records of WIDE words
H_FULL = 34  # entries from which on the hash table has to grow
HEADER = 64

# order record
O_NEXT, O_PREV, O_LEVEL, O_LOTS, O_OWNER, O_ANEXT, O_APREV, O_EXTRA = range(8)
# level record: the word of its lots, and half words; L_PLACE = book / 4 + side
L_LOTS = 2
L_HEAD, L_TAIL, L_COUNT, L_PRICE, L_PAGE, L_PLACE = 0, 1, 2, 3, 6, 7
# page of up to 64 neighbouring levels: two words, and half words with the addresses of the levels
P_BITS, P_FILED = range(2)
P_SLOTS = 4
# waiting block, and one of its legs (G_SIDE = 2 book + side)
W_OWNER, W_LEGS = range(2)
G_BLOCK, G_SIDE, G_PRICE, G_LOTS, G_NEXT, G_MORE = range(6)
# what only special orders need
X_HIDDEN, X_DISPLAY, X_EXPIRES, X_FLAGS = range(4)
# book of one unit: two records
B_UNIT, B_PHASE, B_POS, B_BEST, B_BEST_ASK, B_REFERENCE, B_LAST, B_VOLUME = range(8)
B_TURNOVER, B_FIRST, B_ORDERS, B_AON, B_LOW, B_HIGH, B_LEGS, B_LEGS_ASK = range(8, 16)
BOOK = 16
# account
A_HEAD, A_CASH, A_NODE, A_LIMIT, A_COMMITTED, A_ORDERS = range(6)

CALL, CONTINUOUS, COUPLING = 1, 2, 3  # phases of a trade; a book is in one of the first two

# flags of an order
F_SIDE = 1
F_MARKET = 2
F_IOC = 4
F_FOK = 8
F_GTT = 16
F_POST = 32
F_AON = 64
F_BLOCK = 128  # leg of a block or of linked orders: rests in no book
F_WAIT = 256  # leg of a block that waits until all of its legs can trade

# event rows
E_KIND, E_ORDER, E_ACCOUNT, E_UNIT, E_PRICE, E_LOTS, E_AUX1, E_AUX2 = range(8)
EVENT = 8
K_NEW = 1  # aux1 flags, aux2 display | expires << 32
K_REJECT = 2  # aux1 flags, aux2 reason
K_FILL = (
    3  # order = taker (the buyer in a call auction), aux1 maker id, aux2 maker account << 3 | phase << 1 | taker side
)
K_REMOVE = 4  # lots taken out of an order without a trade; aux2 reason
K_OPEN = 5  # price = reference, aux1 phase
K_UNCROSS = 6  # price, lots, aux1 surplus, aux2 the phase it leads to
K_CLOSE = 7
K_ACCOUNT = 8  # account, aux1 = index into the names
K_BOOK = 9  # order = entry kind, account = debit, price = credit, lots = quanta, unit
K_CLOCK = 10  # lots = seconds since unit 0
K_LIMIT = 11  # account, lots = collateral limit in quanta
K_SETTLE = 12  # account = operator, unit, price = reference price
K_WAKE = 13  # order = waiting block that trades now, account, unit of its first leg
K_QUOTER = 14  # account + 1 that alone may rest orders in continuous trading, 0: everybody
K_STATE = 15  # lots = 1 in the high state of the two-state maker, 0 in the low one
K_OPTION = 16  # order = number of the option, account, unit, price = option fee, lots, aux1 kind, aux2 exercise fee
K_EXERCISE = 17  # order = number of the option, account, unit, lots

OPTION_KINDS: tuple[Literal["call", "put"], ...] = ("call", "put")

# command rows of a batch
C_ACCOUNT, C_UNIT, C_SIDE, C_PRICE, C_LOTS, C_ACTION, C_ORDER = range(7)
COMMAND = 8

# reasons; 0 = none
REASONS: tuple[str, ...] = (
    "",
    "unknown account",
    "side must be buy or sell",
    "unit is not open",
    "lots must be at least 1 and at most the limit",
    "price outside the limits",
    "display must be between 1 and lots",
    "not possible in the call phase",
    "post-only order would trade",
    "not enough eligible lots for all or none",
    "unknown order",
    "order belongs to another account",
    "order is already filled",
    "order is already cancelled",
    "order has expired",
    "order was rejected",
    "an order can only shrink",
    "collateral limit",
    "self-trade prevention",
    "nothing more to trade with at once",
    "by its owner",
    "shrunk by its owner",
    "gate closed",
    "good until an earlier gate",
    "unknown action",
    "a market order does not rest",
    "units of a block must differ",
    "not possible for this kind of order",
    "unknown kind of order or time in force",
)
(
    R_NONE, R_ACCOUNT, R_SIDE, R_UNIT, R_LOTS, R_PRICE, R_DISPLAY, R_CALL, R_POST, R_FOK, R_UNKNOWN, R_FOREIGN,
    R_FILLED, R_CANCELLED, R_EXPIRED, R_REJECTED, R_GROW, R_COLLATERAL, R_SELF, R_IOC, R_OWNER, R_SHRUNK, R_GATE,
    R_GTT, R_ACTION, R_MARKET, R_BLOCK, R_KIND, R_WORD,
) = range(29)  # fmt: skip

STATUSES: tuple[str, ...] = ("resting", "filled", "partial", "cancelled", "rejected")
S_RESTING, S_FILLED, S_PARTIAL, S_CANCELLED, S_REJECTED = range(5)

# what D holds for an order that is not live
I_FILLED, I_CANCELLED, I_EXPIRED, I_REJECTED = -1, -2, -3, -4
I_WAITING = -8  # minus the address of a waiting block

STP_NEWEST, STP_OLDEST, STP_BOTH, STP_DECREMENT = range(4)
SELF_TRADE: tuple[str, ...] = ("cancel_newest", "cancel_oldest", "cancel_both", "decrement")

# results that are not a status
NEED_ROOM = -1
