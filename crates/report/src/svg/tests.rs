use super::*;

#[test]
fn scales_place_values() {
    let even = Scale::linear([0.0, 10.0], [100.0, 200.0]);
    assert_eq!((even.at(0.0), even.at(5.0), even.at(10.0)), (100.0, 150.0, 200.0));
    let steep = Scale::logarithmic([0.1, 10.0], [0.0, 100.0]);
    assert!((steep.at(1.0) - 50.0).abs() < 1e-9);
    let constant = Scale::linear([3.0, 3.0], [0.0, 100.0]);
    assert!((constant.at(3.0) - 50.0).abs() < 1e-9);
}

#[test]
fn ticks_are_round() {
    let check = |ends: [f64; 2], count, expect: &[&str]| {
        let (ticks, decimals) = Scale::linear(ends, [0.0, 1.0]).ticks(count);
        let told: Vec<String> = ticks.iter().map(|tick| format!("{tick:.decimals$}")).collect();
        assert_eq!(told, expect);
    };
    check([0.0, 10.0], 5, &["0", "2", "4", "6", "8", "10"]);
    check([0.13, 0.52], 4, &["0.2", "0.3", "0.4", "0.5"]);
    check([0.0, 0.01], 2, &["0.000", "0.005", "0.010"]);
    check([740.0, 1260.0], 3, &["800", "1000", "1200"]);
}

#[test]
fn marks_keep_their_distance() {
    let scale = Scale::logarithmic([0.9, 4.0], [0.0, 100.0]);
    assert_eq!(scale.choose(&[0.5, 0.9, 1.0, 1.1, 2.0, 3.0, 5.0], 1.0, 25.0), [1.0, 2.0, 3.0]);
}

#[test]
fn a_drawing_has_a_name() {
    let mut canvas = Canvas::new(10.0, 20.0);
    canvas.path("a0", &[(0.0, 1.25), (2.0, 3.0)]);
    let svg = canvas.finish("x", "Title", "What it shows.").to_string();
    assert_eq!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 20\" role=\"img\" \
         aria-labelledby=\"x-title x-description\"><title id=\"x-title\">Title</title>\
         <desc id=\"x-description\">What it shows.</desc><g><path class=\"a0\" d=\"M0 1.2L2 3\"/></g></svg>"
    );
}
