"""Spreadsheets as tables: cell values, the choice of the sheet, and damaged files."""

import csv
import zipfile

import pytest
from catalog_files import load_shop, write_photos
from spreadsheets import write_spreadsheet

from training.data.catalog.spreadsheet import Spreadsheet
from training.data.catalog.table import open_table

ROWS = [
    ["image", "Category", "price", "sold", None],
    ["a.png", "Schürze, rot", 12.5, True],
    [7, "靴", 3, False],
    [None, None, None],
    ["c.png", "bag", None, None, "stray"],
]
both_kinds = pytest.mark.parametrize("ending", [".xlsx", ".ods"])


def read(path, **options):
    return [(row.number, row.cells, row.problem) for row in open_table(path, **options).read()]


@both_kinds
def test_cells_are_what_csv_would_hold_and_rows_are_counted_as_shown(tmp_path, ending):
    path = write_spreadsheet(tmp_path / f"t{ending}", {"Goods": ROWS})
    table = open_table(path)
    assert table.columns == ("image", "category", "price", "sold")
    assert (table.encoding, table.describe()) == (None, "spreadsheet, sheet 'Goods'")
    assert read(path) == [
        (2, {"image": "a.png", "category": "Schürze, rot", "price": "12.5", "sold": "true"}, None),
        (3, {"image": "7", "category": "靴", "price": "3", "sold": "false"}, None),
        (
            5,
            {"image": "c.png", "category": "bag", "price": "", "sold": ""},
            "5 cells, but the header has 4",
        ),
    ]
    assert read(path) == read(path)


@both_kinds
def test_empty_rows_and_sheets_before_the_table_are_passed_over(tmp_path, ending):
    sheets = {"Notes": [], "Blank": [[None], [""]], "Goods": [["image", "kind"], ["a.png", "bag"]]}
    path = write_spreadsheet(tmp_path / f"t{ending}", sheets, first_row=4)
    assert open_table(path).describe() == "spreadsheet, sheet 'Goods'"
    assert read(path) == [(5, {"image": "a.png", "kind": "bag"}, None)]


def test_dates_are_written_as_in_iso_8601(tmp_path):
    path = write_spreadsheet(tmp_path / "t.ods", {"Goods": [["image", "added"], ["a.png", "DATE"]]})
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name).decode() for name in file.namelist()}
    cell = '<table:table-cell office:value-type="string"><text:p>DATE</text:p></table:table-cell>'
    assert cell in members["content.xml"]
    members["content.xml"] = members["content.xml"].replace(
        cell, '<table:table-cell office:value-type="date" office:date-value="2026-11-30"/>'
    )
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    assert read(path)[0][1]["added"].startswith("2026-11-30")


@both_kinds
def test_spreadsheets_without_a_table_are_refused(tmp_path, ending):
    path = write_spreadsheet(tmp_path / f"t{ending}", {"One": [], "Two": [[None]]})
    message = (
        f"must have a sheet with a header and rows. Received: t{ending}, whose sheets are empty: One, Two. "
    )
    with pytest.raises(ValueError, match=message + "Save it with the table in its first sheet"):
        Spreadsheet(path)


def test_a_spreadsheet_without_a_sheet_is_refused(tmp_path):
    path = write_spreadsheet(tmp_path / "t.ods", {})
    with pytest.raises(ValueError, match=r"Received: t.ods, which has no sheet of cells\. Save it with"):
        open_table(path)


@both_kinds
@pytest.mark.parametrize("share", [0.2, 0.7, 0.98])
def test_a_damaged_spreadsheet_is_refused(tmp_path, ending, share):
    path = write_spreadsheet(tmp_path / f"t{ending}", {"Goods": ROWS})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    message = (
        rf"must be intact and without a password. Received: t{ending} \(.+\). Save it again, or export it"
    )
    with pytest.raises(ValueError, match=message):
        open_table(path)


def test_another_zip_archive_is_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
        file.writestr("a.png", b"")
    with pytest.raises(
        ValueError, match=r"must be CSV, JSON Lines, \.xlsx or \.ods\. Received: photos\.zip, "
    ):
        open_table(tmp_path / "photos.zip")


def test_a_spreadsheet_under_another_name_is_read(tmp_path):
    path = write_spreadsheet(tmp_path / "t.xlsx", {"Goods": ROWS}).rename(tmp_path / "table")
    assert len(read(path)) == 3


def test_a_spreadsheet_has_no_encoding(tmp_path):
    path = write_spreadsheet(tmp_path / "t.xlsx", {"Goods": ROWS})
    with pytest.raises(ValueError, match=r"Received: t.xlsx, .* and cp1250. Leave out `--encoding`"):
        open_table(path, encoding="cp1250")


@both_kinds
def test_a_column_twice_is_refused(tmp_path, ending):
    path = write_spreadsheet(tmp_path / f"t{ending}", {"Goods": [["image", "kind", "Kind"], ["a", "b", "c"]]})
    with pytest.raises(ValueError, match="kind more than once: image, kind, Kind"):
        open_table(path)


@both_kinds
def test_the_command_builds_what_it_builds_from_csv(tmp_path, build_shop, ending):
    rows = write_photos(tmp_path / "images", 12)
    sheet = [list(rows[0]), *(list(row.values()) for row in rows), ["gone.png", "bag"]]
    write_spreadsheet(tmp_path / f"t{ending}", {"Goods": sheet})
    code, output, _ = build_shop("--size", "16", table=f"t{ending}")
    assert code == 0
    assert f"Read t{ending} (spreadsheet, sheet 'Goods'); photos are in the column image." in output
    with open(next((tmp_path / "data").rglob("quarantine.csv")), newline="") as file:
        assert [(row["row"], row["file"]) for row in csv.DictReader(file)] == [("14", "gone.png")]
    assert sum(load_shop(tmp_path).num_images.values()) == 12
