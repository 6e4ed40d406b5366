"""Files that are dirty in one way each; tests/load/batch/test_dirty.py has what a load must make of them."""

import pytest

pytest.register_assert_rewrite("tests.support.dirty.cases")
