use measure::{Arm, Effect, Metric, Verdict};

use super::Page;
use super::forest::told;
use crate::comparison::effect;
use crate::element::{Element, element};
use crate::figure::{change, count};
use crate::verdict::{WITHIN_NOISE, spelled};

/// A card for each primary metric of an arm, with the change, its interval and its verdict.
pub(crate) fn cards(page: &Page, arm: &Arm) -> Element {
    let cards = page.primary().into_iter().map(|(title, metric)| card(page, arm, title, metric));
    let class = page.looks.class(&arm.name);
    element("section")
        .class(&format!("arm {class}"))
        .put(element("h2").put(page.looks.swatch(&arm.name)).text(&arm.name))
        .put(element("ul").class("cards").puts(cards))
}

fn card(page: &Page, arm: &Arm, title: &str, metric: Metric) -> Element {
    let effect = effect(page.measurement, arm, metric);
    let told = told(effect, metric);
    let (amount, interval) = told.split_once('[').unwrap_or((&told, ""));
    let (amount, sort) = match amount.strip_suffix('~') {
        None => (amount, "95 % interval"),
        Some(amount) => (amount, "approximate 95 % interval"),
    };
    let mut card =
        element("li").put(element("h3").text(title)).put(element("p").class("amount").text(amount.trim_end()));
    if !interval.is_empty() {
        card = card.put(element("p").text(&format!("{sort} [{interval}")));
    }
    let from_to = [page.base(), Some(arm)].map(|arm| page.figure(arm, metric));
    if let [Some(from), Some(to)] = &from_to {
        card = card.put(element("p").text(&format!("{from} → {to} {}", metric.unit())));
    }
    card.puts(with_client_proxy(page, arm, metric)).puts(effect.and_then(badge))
}

/// The same figure including the proxy beside the client, which latencies pass.
fn with_client_proxy(page: &Page, arm: &Arm, metric: Metric) -> Option<Element> {
    arm.client_proxy.filter(|_| metric == Metric::CpuMsPerRequest)?;
    let effect = effect(page.measurement, arm, Metric::CpuWithClientProxyMsPerRequest)?;
    Some(
        element("p")
            .text(&format!("with the client's proxy {}", told(Some(effect), Metric::CpuWithClientProxyMsPerRequest))),
    )
}

/// The verdict and, if nothing was resolved, what would have been needed.
fn badge(effect: &Effect) -> Option<Element> {
    let verdict = effect.verdict?;
    let (class, sign) = match verdict {
        Verdict::Costs => ("costs", "▲"),
        Verdict::Saves => ("saves", "▼"),
        Verdict::NoMeasurableCost => ("equal", "≈"),
        Verdict::NotResolvable => ("unknown", "?"),
        Verdict::NotToBeBelieved => ("doubtful", "✗"),
    };
    let sign = element("span").with("aria-hidden", "true").text(sign);
    let badge = element("p").class(&format!("badge {class}")).put(sign).text(&format!(" {}", spelled(verdict)));
    let more = match verdict {
        Verdict::NotResolvable if effect.within_noise => Some(WITHIN_NOISE.to_owned()),
        Verdict::NotResolvable => resolvable(effect),
        Verdict::NoMeasurableCost => effect.margin.map(|margin| format!("within ± {}", percent(margin))),
        Verdict::Costs | Verdict::Saves | Verdict::NotToBeBelieved => None,
    };
    Some(element("div").put(badge).puts(more.map(|more| element("p").class("more").text(&more))))
}

fn resolvable(effect: &Effect) -> Option<String> {
    let smallest = effect.smallest_resolvable?;
    let needed = effect.rounds_needed.map(|rounds| format!("; the margin needs {}", count(rounds.into(), "round")));
    Some(format!("this run resolves {} or more{}", percent(smallest), needed.unwrap_or_default()))
}

fn percent(share: f64) -> String {
    change(1.0 + share, None).trim_start_matches('+').to_owned()
}
