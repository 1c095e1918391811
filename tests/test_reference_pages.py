"""The documentation's reference names everything public."""

import pytest
from reference_pages import PACKAGES, ROOT, page_of


@pytest.mark.parametrize("package", PACKAGES)
def test_a_page_has_an_entry_for_each_public_name(package: str) -> None:
    """`python tests/oracles/reference_pages.py` writes the pages anew."""
    page = (ROOT / "docs" / "reference" / f"{package}.md").read_text()
    assert page == page_of(package)
    assert page.count("\n::: ") > 10
