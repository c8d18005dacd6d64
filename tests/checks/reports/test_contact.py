from imgprep.checks.reports.contact import contact_sheet


def test_contact_sheet():
    page = contact_sheet("fruits", [("b/1", "pear"), ("a/1", "<apple>"), ("b/2", "pear")], {"b/1": b"jpeg"})
    assert page.index("&lt;apple&gt; (1)") < page.index("pear (2)")
    assert page.count("<figure") == 3
    assert page.count("data:image/jpeg") == 1
    assert "http" not in page
