use std::collections::BTreeMap;

use insta::assert_snapshot;
use measure::{Bucket, Distribution};

use super::run::{NONE, run};

#[test]
fn what_fortio_would_write() {
    let latency = Distribution {
        wall_s: 6.0,
        errors: BTreeMap::from([("status_503".into(), 2), ("connect".into(), 1), ("timeout".into(), 1)]),
        count: 1496,
        min_s: 0.0015,
        max_s: 0.004,
        mean_s: 0.002,
        stddev_s: 0.0005,
        buckets: vec![
            Bucket { start_s: 0.0015, end_s: 0.0016, count: 374 },
            Bucket { start_s: 0.0032, end_s: 0.004, count: 1122 },
        ],
        quantiles: vec![(0.5, 0.0034), (0.999, 0.004)],
    };
    assert_snapshot!(crate::fortio(&run(&[("none", &NONE)], 10, 0.02), "none", &latency), @r#"
    {
      "ActualDuration": 6000000000,
      "ActualQPS": 250.0,
      "DisableKeepAlive": true,
      "DurationHistogram": {
        "Avg": 0.002,
        "Count": 1496,
        "Data": [
          {
            "Count": 374,
            "End": 0.0016,
            "Percent": 25.0,
            "Start": 0.0015
          },
          {
            "Count": 1122,
            "End": 0.004,
            "Percent": 100.0,
            "Start": 0.0032
          }
        ],
        "Max": 0.004,
        "Min": 0.0015,
        "Percentiles": [
          {
            "Percentile": 50,
            "Value": 0.0034
          },
          {
            "Percentile": 99.9,
            "Value": 0.004
          }
        ],
        "StdDev": 0.0005,
        "Sum": 2.992
      },
      "ErrorsDurationHistogram": {
        "Avg": 0,
        "Count": 4,
        "Data": null,
        "Max": 0,
        "Min": 0,
        "StdDev": 0,
        "Sum": 0
      },
      "Exactly": 1500,
      "Jitter": false,
      "Labels": "bookinfo-lean none (4 failed, in no histogram)",
      "NoCatchUp": false,
      "NumConnections": 1,
      "NumThreads": 1,
      "RequestedDuration": "exactly 1500 calls",
      "RequestedQPS": "max",
      "RetCodes": {
        "-1": 2,
        "200": 1496,
        "503": 2
      },
      "RunID": 0,
      "RunType": "HTTP",
      "Sizes": {
        "Avg": 0,
        "Count": 1500,
        "Data": null,
        "Max": 0,
        "Min": 0,
        "StdDev": 0,
        "Sum": 0
      },
      "StartTime": "2026-01-02T03:04:05Z",
      "URL": "http://productpage:9080/productpage",
      "Uniform": false,
      "Version": "meshtax 0.1.0"
    }
    "#);
}
