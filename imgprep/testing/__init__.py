"""The contracts of imgprep's seams as functions, for the tests of your own rules, transforms, formats and engines.

Each function takes one object and raises `AssertionError` where it breaks the contract:

- `imgprep.testing.transforms`: `check_step`, `check_transform`, `check_settings`
- `imgprep.testing.shards`: `check_shard_format`
- `imgprep.testing.sources`: `check_source`
- `imgprep.testing.engines`: `check_engine`
- `imgprep.testing.rules`: `check_rule`
- `imgprep.testing.reports`: `check_report`
- `imgprep.testing.exports`: `check_export`

imgprep's own tests hold every entry of every table to them.
"""
