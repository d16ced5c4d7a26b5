"""Tables read from text files. `microgrannd.data` has their public names; the command line uses the others too."""

from .cells import MISSING as MISSING
from .cells import is_unread as is_unread
from .cells import needs_number as needs_number
from .cells import parse_number as parse_number
from .reading import SEPARATORS as SEPARATORS
from .reading import read_csv as read_csv
from .table import Table as Table
from .table import TableError as TableError
