"""Files that are dirty in one way each; tests/test_dirty.py has what they must give."""

import pytest

pytest.register_assert_rewrite("tests.support.dirty.cases")
