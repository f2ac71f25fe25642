use insta::assert_snapshot;
use topology::read_topology;

use super::graph;

fn drawn(text: &str) -> String {
    let topology = read_topology(text).unwrap_or_else(|fault| panic!("{fault}"));
    let drawing = graph(&topology);
    assert!(drawing.lines().all(|line| line.chars().count() <= 80), "too wide:\n{drawing}");
    drawing
}

#[test]
fn bookinfo() {
    assert_snapshot!(drawn(include_str!("../../../../topologies/bookinfo-lean.yaml")), @"
    bookinfo-lean: 4 services, 6 pods
    A product page that asks for details and reviews; two of three versions of the
    reviews ask for ratings.

    productpage  http :9080  1 pod of 24 MiB, new connections
    ├─ /productpage → 5183 B of text/html; charset=utf-8
    │  ├─ compute 400us
    │  ├─ call details /details/0 (timeout 3s)
    │  └─ call reviews /reviews/0 (timeout 3s, 1 retry)
    └─ /health → 23 B of text/html; charset=utf-8

    details  http :9080  1 pod of 8 MiB
    ├─ /details/0 → 178 B of application/json
    │  └─ compute 150us
    └─ /health → 31 B of application/json

    reviews  http :9080  3 pods, new connections
    ├─ v1  33.3 % of calls, 1 pod of 32 MiB
    │  ├─ /reviews/0 → 295 B of application/json
    │  │  └─ compute 250us
    │  └─ /health → 32 B of application/json
    ├─ v2  33.3 % of calls, 1 pod of 32 MiB
    │  ├─ /reviews/0 → 379 B of application/json
    │  │  ├─ compute 250us
    │  │  └─ call ratings /ratings/0 (timeout 10s)
    │  └─ /health → 32 B of application/json
    └─ v3  33.3 % of calls, 1 pod of 32 MiB
       ├─ /reviews/0 → 375 B of application/json
       │  ├─ compute 250us
       │  └─ call ratings /ratings/0 (timeout 2.5s)
       └─ /health → 32 B of application/json

    ratings  http :9080  1 pod of 8 MiB
    ├─ /ratings/0 → 48 B of application/json
    │  └─ compute 100us
    └─ /health → 31 B of application/json
    ");
}

#[test]
fn pair() {
    assert_snapshot!(drawn(include_str!("../../../../topologies/pair.yaml")), @"
    pair: 2 services, 2 pods
    A front that asks a back.

    front  http :8080  1 pod
    └─ / → 200 B
       ├─ compute 50us
       └─ call back /

    back  http :8080  1 pod
    └─ / → 100 B
       └─ compute 50us
    ");
}

#[test]
fn all_that_can_be_written() {
    let text = r#"
name: all
services:
  web:
    port: 8080
    command: [nginx, -g, daemon off;]
    environment: {LOG: warn}
    instances: 3
  api:
    port: 8080
    account: shop-api
    versions:
      stable: {weight: 9, instances: 2}
      canary: {weight: 1, command: [python3, -m, http.server]}
    memory: 1500 B
    endpoints:
      /a:
        script:
          - parallel: [{service: api, path: /b, retries: 2}, cache, {service: web, path: /, request: 1 kB}]
          - wait: 1.5ms
          - compute: {cpu: 20us, background: true}
        errors: 0.5%
      /b: {}
      /a-path-that-is-longer-than-a-terminal/is-wide/so-that-it-must-be-cut/somewhere-near-its-end: {}
  cache:
    port: 6379
    protocol: tcp
    response: 64
"#;
    assert_snapshot!(drawn(text), @r#"
    all: 3 services, 7 pods

    web  http :8080  3 pods
    └─ runs LOG=… nginx -g "daemon off;"

    api  http :8080  3 pods
    ├─ stable  90.0 % of calls, 2 pods of 1500 B
    │  ├─ /a → 0 B, 0.5 % errors
    │  │  ├─ at once
    │  │  │  ├─ call api /b (2 retries)
    │  │  │  ├─ call cache
    │  │  │  └─ call web / (sends 1000 B)
    │  │  ├─ wait 1.5ms
    │  │  └─ compute 20us after the answer
    │  ├─ /b → 0 B
    │  └─ /a-path-that-is-longer-than-a-terminal/is-wide/so-that-it-must-be-cut/som…
    └─ canary  10.0 % of calls, 1 pod
       └─ runs python3 -m http.server

    cache  tcp :6379  1 pod
    └─ each line → 64 B
    "#);
}
