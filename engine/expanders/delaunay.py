"""The Delaunay triangulation of a plane's sites: a million of them in seconds.

Source: incremental insertion with Lawson's flips (Lawson, "Software for C1 surface interpolation",
1977) and ghost triangles outside the hull (Guibas & Stolfi, 1985; Shewchuk, "Lecture notes on
Delaunay mesh generation", 2012), in a biased randomized insertion order (Amenta, Choi & Rote, 2003)
along the Hilbert curve. Orientation is decided exactly (Shewchuk, "Adaptive precision
floating-point arithmetic and fast robust geometric predicates", 1997), so triangles never overlap.
Sites that are cocircular within rounding are divided either way.

Qhull is not used: for a million sites it takes several times as long and as much memory, on a busy
machine longer than the decoding process may be silent. It also omits sites that are nearly on an
edge.

M sites have T = 2M - 2 triangles: those of the plane, and one ghost triangle outside each edge of
the hull, which has GHOST as a corner. ``corners`` (T, 3) are sites, counter-clockwise. ``across``
(T, 3) is the triangle on the other side of the edge opposite each corner. Both are int32.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

GHOST = -1
SPLITTER = 134217729.0  # 2^27 + 1: splits a double into two halves whose products are exact
SIDE_ERROR = 3.3306690738754716e-16  # Shewchuk's ccwerrboundA, (3 + 16 eps) eps, eps = 2^-53
CIRCLE_ERROR = 1.1102230246251577e-15  # Shewchuk's iccerrboundA, (10 + 96 eps) eps
BITS = 16  # of each coordinate on the Hilbert curve


@njit(cache=True, nogil=True)
def two_product(a: float, b: float) -> tuple[float, float]:
    """The exact product a b as its rounded value and the rounding error (Dekker)."""
    high = a * b
    c, d = SPLITTER * a, SPLITTER * b
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return high, a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)


@njit(cache=True, nogil=True)
def exact_orientation(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """The sign of `orientation` without rounding: the sum of 12 numbers as an expansion."""
    parts = np.zeros(12)
    count = 0
    for u, v in ((ax, by), (-ay, bx), (bx, cy), (-by, cx), (cx, ay), (-cy, ax)):
        for addend in two_product(u, v):
            carry = addend
            for k in range(count):  # grow the expansion, smallest part first
                total = carry + parts[k]
                rounded = total - carry
                parts[k] = (carry - (total - rounded)) + (parts[k] - rounded)
                carry = total
            parts[count] = carry
            count += 1
    for k in range(count - 1, -1, -1):
        if parts[k] != 0.0:
            return parts[k]
    return 0.0


@njit(cache=True, nogil=True)
def orientation(sites: Float64, a: int, b: int, c: int) -> float:
    """Positive if c is to the left of the line from a to b, 0 if on it. The sign is exact."""
    ax, ay, bx, by = sites[a, 0], sites[a, 1], sites[b, 0], sites[b, 1]
    cx, cy = sites[c, 0], sites[c, 1]
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    area = left - right
    if abs(area) > SIDE_ERROR * (abs(left) + abs(right)):
        return area
    return exact_orientation(ax, ay, bx, by, cx, cy)


@njit(cache=True, nogil=True)
def in_circle(sites: Float64, a: int, b: int, c: int, p: int) -> bool:
    """Whether p is inside the circle through a, b, c (counter-clockwise) by more than rounding."""
    px, py = sites[p, 0], sites[p, 1]
    ax, ay = sites[a, 0] - px, sites[a, 1] - py
    bx, by = sites[b, 0] - px, sites[b, 1] - py
    cx, cy = sites[c, 0] - px, sites[c, 1] - py
    a2, b2, c2 = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    det = a2 * (bx * cy - by * cx) + b2 * (cx * ay - cy * ax) + c2 * (ax * by - ay * bx)
    size = (
        a2 * (abs(bx * cy) + abs(by * cx))
        + b2 * (abs(cx * ay) + abs(cy * ax))
        + c2 * (abs(ax * by) + abs(ay * bx))
    )
    return det > CIRCLE_ERROR * size


@njit(cache=True, nogil=True)
def conflicts(sites: Float64, corners: Int32, t: int, p: int) -> bool:
    """Whether p is inside the circumcircle of triangle t. For a ghost this is the open half plane
    outside its edge, and the interior of the edge."""
    for k in range(3):
        if corners[t, k] == GHOST:
            u, v = corners[t, (k + 1) % 3], corners[t, (k + 2) % 3]
            turn = orientation(sites, u, v, p)
            if turn != 0.0:
                return turn > 0.0
            along = (sites[p, 0] - sites[u, 0]) * (sites[p, 0] - sites[v, 0])
            along += (sites[p, 1] - sites[u, 1]) * (sites[p, 1] - sites[v, 1])
            return along < 0.0
    return in_circle(sites, corners[t, 0], corners[t, 1], corners[t, 2], p)


@njit(cache=True, nogil=True)
def write_triangle(
    corners: Int32, across: Int32, t: int, a: int, b: int, c: int, x: int, y: int, z: int
) -> None:
    """Write triangle t: its corners a, b, c and the triangles x, y, z across from them."""
    corners[t, 0], corners[t, 1], corners[t, 2] = a, b, c
    across[t, 0], across[t, 1], across[t, 2] = x, y, z


@njit(cache=True, nogil=True)
def relink(across: Int32, t: int, old: int, new: int) -> None:
    """Replace the neighbour `old` of triangle t by `new`."""
    for k in range(3):
        if across[t, k] == old:
            across[t, k] = new
            return


@njit(cache=True, nogil=True)
def locate(sites: Float64, corners: Int32, across: Int32, start: int, p: int) -> int:
    """The triangle that contains p; a ghost if p is outside the hull. It walks from `start`, which
    is not a ghost (Devillers, Pion & Teillaud, "Walking in a triangulation", 2002)."""
    t, turn = start, 0
    while True:
        inside = True
        for k in range(3):
            # Begin with another edge in each triangle, or the walk could go in a circle.
            i = (k + turn) % 3
            if orientation(sites, corners[t, (i + 1) % 3], corners[t, (i + 2) % 3], p) < 0.0:
                t, inside = across[t, i], False
                break
        if inside or corners[t, 0] == GHOST or corners[t, 1] == GHOST or corners[t, 2] == GHOST:
            return t
        turn = (turn * 5 + 3) % 7


@njit(cache=True, nogil=True)
def hilbert_keys(sites: Float64, low: Float64, span: float) -> NDArray[np.int64]:
    """The position of each site (M, 2) along the Hilbert curve, on a grid of 2^BITS by 2^BITS."""
    out = np.empty(len(sites), np.int64)
    top = (1 << BITS) - 1
    for n in range(len(sites)):
        x = int((sites[n, 0] - low[0]) / span * top)
        y = int((sites[n, 1] - low[1]) / span * top)
        key, s = 0, 1 << (BITS - 1)
        while s:
            right, up = (x & s) > 0, (y & s) > 0
            key += s * s * ((3 * right) ^ up)
            if not up:
                if right:
                    x, y = top - x, top - y
                x, y = y, x
            s >>= 1
        out[n] = key
    return out


@njit(cache=True, nogil=True)
def triangulate(sites: Float64, order: Int32) -> tuple[Int32, Int32]:
    """Corners and neighbours (T, 3) of the triangles of M >= 3 different sites (M, 2).

    `order` (M,) is the order of insertion. Its first three sites must not be collinear.
    """
    count = len(sites)
    corners, across = np.empty((2 * count - 2, 3), np.int32), np.empty((2 * count - 2, 3), np.int32)
    a, b, c = order[0], order[1], order[2]
    if orientation(sites, a, b, c) < 0.0:
        b, c = c, b
    write_triangle(corners, across, 0, a, b, c, 1, 2, 3)
    write_triangle(corners, across, 1, GHOST, c, b, 0, 3, 2)
    write_triangle(corners, across, 2, GHOST, a, c, 0, 1, 3)
    write_triangle(corners, across, 3, GHOST, b, a, 0, 2, 1)
    used, last = 4, 0
    stack = np.empty(64, np.int32)
    for n in range(3, count):
        p = order[n]
        t = locate(sites, corners, across, last, p)
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        u, v = across[t, 1], across[t, 2]
        second, third = used, used + 1
        used += 2
        write_triangle(corners, across, t, p, b, c, across[t, 0], second, third)
        write_triangle(corners, across, second, p, c, a, u, third, t)
        write_triangle(corners, across, third, p, a, b, v, t, second)
        relink(across, u, t, second)
        relink(across, v, t, third)
        stack[0], stack[1], stack[2] = t, second, third
        pending = 3
        while pending:
            pending -= 1
            t = stack[pending]
            o = across[t, 0]
            j = 0
            while across[o, j] != t:
                j += 1
            b, c, d = corners[t, 1], corners[t, 2], corners[o, j]
            at_hull = b == GHOST or c == GHOST or d == GHOST
            # If p is exactly on the edge, rounding may make the circle test miss it.
            if not conflicts(sites, corners, o, p) and (
                at_hull or orientation(sites, p, b, c) != 0.0
            ):
                last = t
                continue
            x, r, s = across[t, 1], across[o, (j + 1) % 3], across[o, (j + 2) % 3]
            write_triangle(corners, across, t, p, b, d, r, o, across[t, 2])
            write_triangle(corners, across, o, p, d, c, s, x, t)
            relink(across, r, o, t)
            relink(across, x, t, o)
            if pending + 2 > len(stack):
                stack = np.concatenate((stack, np.empty(len(stack), np.int32)))
            stack[pending], stack[pending + 1] = t, o
            pending += 2
        for k in range(3):  # a walk starts at a triangle that is not a ghost
            if corners[last, k] == GHOST:
                last = across[last, k]
                break
    return corners, across


@njit(cache=True, nogil=True)
def first_off_line(sites: Float64, order: Int32) -> int:
    """The position in `order` of the first site that is not collinear with the first two."""
    for n in range(2, len(order)):
        if orientation(sites, order[0], order[1], order[n]) != 0.0:
            return n
    return len(order)


def insertion_order(sites: Float64) -> Int32 | None:
    """The order (M,) in which to insert sites (M, 2).

    Sites are drawn at random into rounds. Each round is about as long as all rounds before it, and
    is sorted along the Hilbert curve. None if all sites are collinear: then there is no triangle.
    """
    low = sites.min(axis=0)
    span = float((sites.max(axis=0) - low).max())
    if len(sites) < 3 or span <= 0:
        return None
    drawn = np.random.default_rng(0).random(len(sites), dtype=np.float32)
    rounds = np.minimum(-np.log2(np.maximum(drawn, 1e-9)), 29).astype(np.int64)
    order = np.argsort(hilbert_keys(sites, low, span) - (rounds << 2 * BITS)).astype(np.int32)
    third = first_off_line(sites, order)
    if third == len(order):
        return None
    order[2], order[third] = order[third], order[2]
    return order
