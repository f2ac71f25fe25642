use super::{check_services, check_step};

#[test]
fn steps() {
    check_step("compute: 5", "8:22: `5` has no unit | write `5us`, `5ms` or `5s`");
    check_step(
        "compute: 5zz",
        "8:22: `5zz` is not a length of time | write a number and a unit: `300us`, `1.5ms`, `2s`, `1min`",
    );
    check_step("compute: -5us", "8:22: `-5us` is negative | write a length of time from `0s` up");
    check_step("compute: [1]", "8:13: sequence does not fit here | write `300us` or `{cpu: 300us, background: true}`");
    check_step("compute: {background: true}", "8:23: `cpu` is missing | add a line `cpu: ...` here");
    check_step(
        "compute: {cpu: 1us, backgruond: true}",
        "8:33: unknown key `backgruond` | did you mean `background`? the keys here are `cpu`, `background`",
    );
    check_step(
        "compute: {cpu: 1us, background: maybe}",
        "8:45: this is neither true nor false | write `true` or `false`",
    );
    check_step("wait: 1.5", "8:19: `1.5` has no unit | write `1.5us`, `1.5ms` or `1.5s`");
    check_step(
        "wiat: 1ms",
        "8:13: `wiat` is not possible here | did you mean `wait`? write one of `compute`, `wait`, `call`, `parallel`",
    );
    check_step("wait", "9:3: this value has the wrong shape | write a single value");
    check_step(
        "{wait: 1ms, compute: 1us}",
        "8:25: there is more than one key here | write each on a line of its own that starts with `- `",
    );
    check_step("call: bakc/x", "8:19: there is no service `bakc` | did you mean `back`?");
    check_step("call: elsewhere/x", "8:19: there is no service `elsewhere` | write one of `web`, `back`, `line`");
    check_step("call: back/", "8:19: `back` has no endpoint `/` | write one of `/x`, or add the endpoint");
    check_step("call: back/xx", "8:19: `back` has no endpoint `/xx` | did you mean `/x`?");
    check_step("call: back/x?y", "8:19: `/x?y` contains a query or a fragment | write the path alone: `/x`");
    check_step("call: back", "8:19: a call to `back` needs a path: it speaks http | write the path too: `back/...`");
    check_step("call: line/x", "8:19: a call to `line` has no path: it speaks tcp | write the name alone: `line`");
    check_step("call: line", "valid");
    check_step(
        "call: 5",
        "8:13: integer `5` does not fit here | write `SERVICE/PATH` or `{service: SERVICE, path: /PATH, timeout: 3s}`",
    );
    check_step("call: {path: /x}", "8:20: `service` is missing | add a line `service: ...` here");
    check_step("call: {service: back, path: x}", "8:41: `x` does not start with a slash | write `/x`");
    check_step(
        "call: {service: back, path: /y}",
        "8:41: `back` has no endpoint `/y` | write one of `/x`, or add the endpoint",
    );
    check_step(
        "call: {service: back, path: /x, timeuot: 3s}",
        "8:45: unknown key `timeuot` | did you mean `timeout`? the keys here are `service`, `path`, `timeout`, `retries`, `request`",
    );
    check_step(
        "call: {service: back, path: /x, timeout: 0s}",
        "8:54: `0s` is too short for any call | write a longer timeout, such as `3s`",
    );
    check_step("call: {service: back, path: /x, timeout: 3}", "8:54: `3` has no unit | write `3us`, `3ms` or `3s`");
    check_step(
        "call: {service: back, path: /x, retries: 11}",
        "8:54: `11` is not a valid number here | write a whole number from 0 to 10",
    );
    check_step("call: {service: back, path: /x, request: 2 GiB}", "8:54: `2 GiB` is too much | write at most `1 GiB`");
    check_step(
        "call: {service: line, path: /x}",
        "8:41: a call to `line` has no path: it speaks tcp | write the name alone: `line`",
    );
    check_step(
        "call: {service: line, request: 0}",
        "8:44: a tcp request cannot be empty | write at least `1 B`: the request ends with a line feed",
    );
    check_step(
        "parallel: []",
        "8:23: `parallel` has no calls | write the calls to make at the same time: `[details/details/0, reviews/reviews/0]`",
    );
    check_step(
        "parallel: back/x",
        "8:23: this value has the wrong shape | write a list: `[a, b]`, or lines that start with `- `",
    );
    check_step(
        "parallel: [back/x, {service: bcak, path: /x}]",
        "8:42: there is no service `bcak` | did you mean `back`?",
    );
}

#[test]
fn cycles() {
    check_step(
        "call: web/",
        "8:19: these calls never end: `web / -> web /` | remove this call, or let it call another path",
    );
    check_services(
        "a: {port: 80, endpoints: {/x: {script: [call: b/y]}}}\nb: {port: 80, endpoints: {/y: {script: [call: c/, parallel: [c/, {service: a, path: /x}]]}}}\nc: {port: 80, endpoints: {/: {}}}",
        "4:78: these calls never end: `a /x -> b /y -> a /x` | remove this call, or let it call another path",
    );
    check_services("a: {port: 80, endpoints: {/x: {script: [call: a/y]}, /y: {}}}", "valid");
    check_services(
        "a: {port: 80, protocol: tcp, script: [call: b]}\nb: {port: 80, protocol: tcp, script: [call: a]}",
        "4:47: these calls never end: `a -> b -> a` | remove this call, or let it call another path",
    );
    check_services("a: {port: 80, command: [a]}\nb: {port: 80, endpoints: {/: {script: [call: a/any/path]}}}", "valid");
    check_services(
        "a: {port: 80, endpoints: {/: {}}, versions: {v1: {}, v2: {endpoints: {/: {script: [call: a/]}}}}}",
        "3:92: these calls never end: `a / -> a /` | remove this call, or let it call another path",
    );
    check_services(
        "a: {port: 80, endpoints: {/: {}}, versions: {v1: {}, v2: {endpoints: {/x: {}}}}}\nb: {port: 80, endpoints: {/: {script: [call: a/]}}}",
        "4:48: version `v2` of `a` has no endpoint `/` | write one of `/x`, or add the endpoint",
    );
}
