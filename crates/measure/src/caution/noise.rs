use super::{CautionKind, LEVEL};
use crate::{Caution, Null};

/// Warns if the baseline's copy differs from the baseline. An arm's difference may then be what any two arms differ by
/// on this machine.
pub fn noise(null: &Null) -> Option<Caution> {
    let differs = |p: Option<f64>| p.is_some_and(|p| p < LEVEL);
    let different = null.effects.iter().filter(|effect| differs(effect.p_holm));
    let told: Vec<String> = different
        .filter_map(|effect| Some(format!("`{}` {:+.1} %", effect.metric, (effect.ratio? - 1.0) * 100.0)))
        .collect();
    let text = format!(
        "the baseline's copy differs from the baseline, although they are the same ({}; p below {LEVEL} after Holm's \
         correction): two stand-ups of the same thing differ by this much here, and so may any arm;  try `--stands 10`",
        told.join(", ")
    );
    (!told.is_empty()).then(|| CautionKind::NullDiffers.caution(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effect, Metric};

    #[test]
    fn a_copy_that_differs_is_a_caution_about_the_run() {
        let told = |p_holm| {
            let metric = Metric::LatencyMsP50.name().to_owned();
            noise(&Null { effects: vec![Effect { metric, ratio: Some(1.031), p_holm, ..Effect::default() }] })
        };
        assert_eq!([told(None), told(Some(0.01))], [None, None]);
        let caution = told(Some(0.0099)).unwrap();
        assert!(caution.kind == "null_differs" && caution.arms.is_empty() && !caution.fatal);
        assert!(caution.text.contains("(`latency_ms_p50` +3.1 %; "), "{}", caution.text);
    }
}
