"""Value: records the graph of operations, and `backward()` applies the chain rule to it.

>>> from microgrannd.engine import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> c = a * b + a ** 3
>>> c.backward()
>>> c, a.grad, b.grad
(Value(data=2.0, grad=1.0), 9.0, 2.0)
"""

from .operations import rule
from .value import Value

__all__ = ["Value", "rule"]
