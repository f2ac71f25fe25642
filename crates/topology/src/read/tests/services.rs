use super::{check_services, check_web};

#[test]
fn services() {
    check_services(
        "client: {port: 80, endpoints: {/: {}}}",
        "3:3: the name `client` is reserved | write another name, such as `client-app`",
    );
    check_services(
        "Web: {port: 80, endpoints: {/: {}}}",
        "3:3: `Web` is not a DNS label | write lower-case letters, digits and `-`, starting with a letter",
    );
    check_services(
        "web: {prot: 80, endpoints: {/: {}}}",
        "3:9: unknown key `prot` | did you mean `port`? the keys here are `port`, `protocol`, `declared`, `account`, `connections`, `propagate`, `ready`, `metrics`, `restart`, `instances`, `versions`, `memory`, `command`, `environment`, `volumes`, `endpoints`, `script`, `response`, `errors`",
    );
    check_services(
        "web: {zzzzz: 80, endpoints: {/: {}}}",
        "3:9: unknown key `zzzzz` | the keys here are `port`, `protocol`, `declared`, `account`, `connections`, `propagate`, `ready`, `metrics`, `restart`, `instances`, `versions`, `memory`, `command`, `environment`, `volumes`, `endpoints`, `script`, `response`, `errors`",
    );
    check_services("web: {endpoints: {/: {}}}", "3:9: `port` is missing | add a line `port: ...` here");
    check_services(
        "web: {port: 0, endpoints: {/: {}}}",
        "3:15: `0` is not a port | write a whole number from 1 to 65535, such as `9080`",
    );
    check_services(
        "web: {port: 15006, endpoints: {/: {}}}",
        "3:15: `15006` is a port of the sidecar, which uses 15000 to 15099 | write another port, such as `9080`",
    );
    check_services(
        "web: {port: 70000, endpoints: {/: {}}}",
        "3:15: `70000` is not a port | write a whole number from 1 to 65535, such as `9080`",
    );
    check_services(
        "web: {port: [80], endpoints: {/: {}}}",
        "3:15: this value has the wrong shape | write a single value",
    );
    check_services(
        "web: {port: , endpoints: {/: {}}}",
        "3:13: the value is missing | write a value after the colon, or remove the key",
    );
    check_services(
        "a: {port: 80, endpoints: {/: {}}}\na: {port: 80, endpoints: {/: {}}}",
        "4:3: duplicate key `a` | keep one of the two",
    );
    check_services(
        "a: {port: 80, endpoints: {/: {}}}\nb: {port: 80, protocol: tcp, response: 9}",
        "4:13: duplicate port 80: `a` already uses it with another protocol | write another port: a sidecar has one listener for all of an http port",
    );
    check_services("a: {port: 80, endpoints: {/: {}}}\nb: {port: 80, endpoints: {/: {}}}", "valid");
    check_services(
        "a: {port: 80, versions: {b-c: {}}, endpoints: {/: {}}}\na-b: {port: 80, versions: {c: {}}, endpoints: {/: {}}}",
        "4:3: two pods would be called `a-b-c` | rename the service or its version",
    );
    check_web("declared: false\nendpoints: {/: {}}", "valid");
    check_web("protocol: udp\nendpoints: {/: {}}", "5:15: `udp` is not possible here | write one of `http`, `tcp`");
    check_web(
        "connections: pool\nendpoints: {/: {}}",
        "5:18: `pool` is not possible here | did you mean `pooled`? write one of `new`, `pooled`",
    );
    check_web(
        "account: Root\nendpoints: {/: {}}",
        "5:14: `Root` is not a DNS label | write lower-case letters, digits and `-`, starting with a letter",
    );
    check_web(
        "propagate: [x-request-id, 'a b']\nendpoints: {/: {}}",
        "5:31: `a b` is not a header name | write a name such as `x-request-id`, without colon or space",
    );
    check_web(
        "propagate: [Content-Length]\nendpoints: {/: {}}",
        "5:17: `Content-Length` belongs to a single hop | remove it: each call sets this header itself",
    );
    check_web(
        "propagate: [a, A]\nendpoints: {/: {}}",
        "5:20: duplicate header `a` | keep one of the two; upper and lower case are the same",
    );
    check_web(
        "propagate: a\nendpoints: {/: {}}",
        "5:16: this value has the wrong shape | write a list: `[a, b]`, or lines that start with `- `",
    );
    check_web("ready: health\nendpoints: {/: {}}", "5:12: `health` does not start with a slash | write `/health`");
    check_web(
        "ready: /health\nprotocol: tcp\nresponse: 1",
        "5:12: `ready` needs `protocol: http` | remove it: a tcp service is ready when it accepts connections",
    );
    check_web("ready: /health\nendpoints: {/: {}, /health: {response: 31 B, type: application/json}}", "valid");
    check_web("ready: /health\ncommand: [a]", "valid");
    for more in ["script: [wait: 1ms]", "errors: 1%"] {
        check_web(
            &format!("ready: /health\nendpoints: {{/health: {{{more}}}}}"),
            "5:12: the endpoint `/health` has a script or errors, which do not apply to probes | write another path, or keep only `response` and `type`",
        );
    }
    check_web("metrics: /metrics\ncommand: [web]", "valid");
    check_web("metrics: {port: 9102, path: /metrics}\ncommand: [web]", "valid");
    check_web("metrics: {port: 9102, path: /metrics}\nprotocol: tcp\ncommand: [web]", "valid");
    check_web(
        "metrics: /metrics\nprotocol: tcp\ncommand: [web]",
        "5:14: the port of a tcp service serves no metrics | write the port that serves them: `metrics: {port: 9102, path: /metrics}`",
    );
    check_web(
        "metrics: /metrics\nendpoints: {/: {}}",
        "5:14: `metrics` needs `command` | remove it: a simulated service has no metrics of its own",
    );
    check_web("metrics: metrics\ncommand: [web]", "5:14: `metrics` does not start with a slash | write `/metrics`");
    check_web("metrics: {port: 9102}\ncommand: [web]", "5:15: `path` is missing | add a line `path: ...` here");
    check_web("memory: 65 GiB\nendpoints: {/: {}}", "5:13: `65 GiB` is too much | write at most `64 GiB`");
    check_web("memory: -1 MiB\nendpoints: {/: {}}", "5:13: `-1 MiB` is negative | write a number of bytes from `0` up");
    check_web(
        "instances: 0\nendpoints: {/: {}}",
        "5:16: `0` is not a valid number here | write a whole number from 1 to 256",
    );
    check_web(
        "instances: 257\nendpoints: {/: {}}",
        "5:16: `257` is not a valid number here | write a whole number from 1 to 256",
    );
    check_web(
        "instances: 2\nversions: {v1: {}}\nendpoints: {/: {}}",
        "5:16: `instances` cannot be used with `versions` | remove it, and write `instances` under each version",
    );
    check_web(
        "versions: {}\nendpoints: {/: {}}",
        "5:15: there are no versions | add one, such as `v1: {}`, or remove the key",
    );
    check_web(
        "versions: {v1: {weight: 0}, v2: {weight: 0}}\nendpoints: {/: {}}",
        "5:15: all weights are 0 | give at least one version a weight above 0",
    );
    check_web(
        "versions: {v1: {weight: 0}, v2: {weight: -1}}\nendpoints: {/: {}}",
        "5:46: `-1` is not a valid number here | write a whole number from 0 to 10000",
    );
    check_web(
        "versions: {V1: {}}\nendpoints: {/: {}}",
        "5:16: `V1` is not a DNS label | write lower-case letters, digits and `-`, starting with a letter",
    );
    check_web(
        "versions:\n  v1:\n  v2: {}\nendpoints: {/: {}}",
        "6:9: this value has the wrong shape | write `key: value` pairs, or `{}` for none",
    );
    check_web(
        "versions: {v1: {port: 3}}\nendpoints: {/: {}}",
        "5:21: unknown key `port` | the keys here are `weight`, `instances`, `memory`, `command`, `environment`, `volumes`, `endpoints`, `script`, `response`, `errors`",
    );
}

#[test]
fn work() {
    check_web(
        "memory: 1 MiB",
        "3:3: nothing says what this service does | add `endpoints:` for a simulated service, or `command:` for a program",
    );
    check_web(
        "versions: {v1: {endpoints: {/: {}}}, v2: {}}",
        "5:42: nothing says what this service does | add `endpoints:` for a simulated service, or `command:` for a program",
    );
    check_web("endpoints: {}", "5:16: there are no endpoints | add one: `/: {response: 100 B}`");
    check_web(
        "endpoints: {/: {}}\ncommand: [a]",
        "5:16: `endpoints` cannot be used with `command` | remove one of the two: a service is either simulated or a command",
    );
    check_web(
        "command: [a]\nendpoints: {/: {}}",
        "6:16: `endpoints` cannot be used with `command` | remove one of the two: a service is either simulated or a command",
    );
    check_web(
        "command: [a]\nmemory: 1 MiB",
        "6:13: `memory` cannot be used with `command` | remove one of the two: a service is either simulated or a command",
    );
    check_web(
        "command: []",
        "5:14: the command is empty | write the program and its arguments: `[nginx, -g, daemon off;]`",
    );
    check_web(
        "command: ['']",
        "5:14: the command is empty | write the program and its arguments: `[nginx, -g, daemon off;]`",
    );
    check_web(
        "command: [\"a\\0\"]",
        "5:15: `a\\0` contains a NUL byte | remove it: arguments of a program cannot contain it",
    );
    check_web(
        "command: nginx",
        "5:14: this value has the wrong shape | write a list: `[a, b]`, or lines that start with `- `",
    );
    check_web(
        "command: [a]\nversions: {v1: {memory: 1 MiB}}",
        "6:29: `memory` cannot be used with `command` | remove one of the two: a service is either simulated or a command",
    );
    check_web(
        "environment: {A: b}\nendpoints: {/: {}}",
        "5:18: `environment` needs `command` | remove it: only a command reads it",
    );
    check_web(
        "environment: {A=b: b}\ncommand: [a]",
        "5:19: `A=b` is not a name for a variable | write a name without `=`, such as `LOG_LEVEL`",
    );
    for volume in ["./data:/var/lib/data", "/srv/pages:/pages:ro", "sockets:/run/app", ".:/app"] {
        check_web(&format!("command: [a]\nvolumes: [\"{volume}\"]"), "valid");
    }
    check_web(
        "command: [a]\nvolumes: [data]",
        "6:15: `data` is not a volume | write `SOURCE:TARGET`, such as `./data:/var/lib/data`",
    );
    for target in ["data", "/a/../b", "/", "/a//b", "/a:rw"] {
        let hint = "write a path from the root, without `.` and `..`, such as `/var/lib/data`";
        check_web(
            &format!("command: [a]\nvolumes: [\"./a:{target}\"]"),
            &format!("6:15: `{target}` is not a path in a pod | {hint}"),
        );
    }
    check_web(
        "command: [a]\nvolumes: [\"Data:/a\"]",
        "6:15: `Data` is neither a path nor a name | write a path that begins with `/` or `.`, or a name in lower-case letters",
    );
    check_web(
        "volumes: [a:/a]\nendpoints: {/: {}}",
        "5:14: `volumes` needs `command` | remove it: only a command reads it",
    );
    check_web(
        "versions: {v1: {environment: {A: b}}}\nendpoints: {/: {}}",
        "5:34: `environment` needs `command` | remove it: only a command reads it",
    );
    check_web("endpoints: {/: }", "5:18: this value has the wrong shape | write `key: value` pairs, or `{}` for none");
    check_web("endpoints: {x: {}}", "5:17: `x` does not start with a slash | write `/x`");
    check_web("endpoints: {/x?y=1: {}}", "5:17: `/x?y=1` contains a query or a fragment | write the path alone: `/x`");
    check_web(
        "endpoints: {/x y: {}}",
        "5:17: `/x y` contains characters that a URL cannot contain | percent-encode it: `%20` for a space",
    );
    check_web("endpoints: {/: {}, /: {}}", "5:24: duplicate key `/` | keep one of the two");
    check_web("endpoints: {/: {response: 2 GiB}}", "5:31: `2 GiB` is too much | write at most `1 GiB`");
    check_web(
        "endpoints: {/: {response: 5zz}}",
        "5:31: `5zz` is not a number of bytes | write a number, alone or with a unit: `178`, `12 kB`, `40 MiB`",
    );
    for kind in ["text/html; charset=utf-8", "text/html", "application/problem+json ;q=1"] {
        check_web(&format!("endpoints: {{/: {{type: {kind}}}}}"), "valid");
    }
    for kind in ["json", "text/", "text/a b", "text/html; \\u00e9", "text/html;\\n"] {
        check_web(
            &format!("endpoints: {{/: {{type: \"{kind}\"}}}}"),
            &format!(
                "5:27: `{}` is not a media type | write one such as `application/json` or `text/html; charset=utf-8`",
                kind.replace("\\u00e9", "é")
            ),
        );
    }
    check_web(
        "endpoints: {/: {errors: 2}}",
        "5:29: `2` is outside 0 to 1 | write a number from 0 to 1, or a percentage: `0.01`, `1%`",
    );
    check_web(
        "endpoints: {/: {errors: 101%}}",
        "5:29: `101%` is outside 0 to 1 | write a number from 0 to 1, or a percentage: `0.01`, `1%`",
    );
    check_web(
        "response: 9",
        "5:15: `response` of an http service belongs to an endpoint | write it under an endpoint: `endpoints: {/: {response: ...}}`",
    );
    check_web(
        "protocol: tcp\nendpoints: {/: {}}",
        "6:16: a tcp service has no endpoints | write `script`, `response` and `errors` directly at the service",
    );
    check_web(
        "protocol: tcp",
        "3:3: nothing says what this service does | add `response:` for a simulated service, or `command:` for a program",
    );
    check_web(
        "protocol: tcp\nresponse: 0",
        "6:15: a tcp answer cannot be empty | write at least `1 B`: the answer ends with a line feed",
    );
}
