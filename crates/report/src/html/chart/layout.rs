use super::ServiceBox;
use crate::element::coordinate;
use crate::svg::DrawingSize;

const HEAD: f64 = 28.0;
const POD: f64 = 16.0;
const ARRIVAL: f64 = 40.0;
const FOOT: f64 = 6.0;
/// Width of a drawing whose columns are hops from the client.
const COLUMNS: f64 = 1080.0;
/// Minimum width of a box in it.
const BOX_MIN: f64 = 190.0;
const GAP: f64 = 56.0;
/// Left edge of boxes that stand below each other. Edges run to the left of them.
const GUTTER: f64 = 44.0;
/// Width of a letter, from experience with sans-serif text of 12 px.
const LETTER: f64 = 6.4;

/// The place of a box in the drawing.
#[derive(Clone, Copy)]
pub(super) struct BoxPlace {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl BoxPlace {
    /// Baseline of a pod's text.
    pub(super) fn pod_y(&self, index: usize) -> f64 {
        self.y + HEAD + 10.0 + POD * index as f64
    }

    /// Height at which an edge ends.
    pub(super) fn arrival_y(&self, node: &ServiceBox, index: usize) -> f64 {
        self.y + HEAD + POD * node.pods.len() as f64 + ARRIVAL * index as f64 + 22.0
    }

    /// Text that is cut at the edge of the box.
    pub(super) fn fit(&self, text: &str) -> String {
        let letters = ((self.width - 20.0) / LETTER) as usize;
        if text.chars().count() <= letters {
            return text.to_owned();
        }
        text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
    }
}

fn height(node: &ServiceBox) -> f64 {
    HEAD + POD * node.pods.len() as f64 + ARRIVAL * node.arrivals.len() as f64 + FOOT
}

/// Width and height of the drawing, and a place for each node: in columns by hops if they are wide enough, else below
/// each other.
pub(super) fn place(nodes: &[ServiceBox], size: DrawingSize) -> (f64, f64, Vec<BoxPlace>) {
    let columns = nodes.iter().map(|node| node.depth).max().unwrap_or(0) as f64;
    let client = 90.0;
    let width = (COLUMNS - client - GAP * columns) / columns.max(1.0);
    match size {
        DrawingSize::Wide if width >= BOX_MIN => in_columns(nodes, client, width.min(360.0)),
        DrawingSize::Wide | DrawingSize::Narrow => stacked(nodes, size),
    }
}

fn in_columns(nodes: &[ServiceBox], client: f64, width: f64) -> (f64, f64, Vec<BoxPlace>) {
    let depth_max = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    let mut bottoms = vec![2.0; depth_max + 1];
    let mut places: Vec<BoxPlace> = Vec::new();
    for node in nodes {
        let (x, width) = match node.depth {
            0 => (2.0, client),
            depth => (2.0 + client + GAP + (width + GAP) * (depth - 1) as f64, width),
        };
        places.push(BoxPlace { x, y: bottoms[node.depth], width, height: height(node) });
        bottoms[node.depth] += height(node) + 18.0;
    }
    let tallest = bottoms.iter().copied().fold(0.0, f64::max);
    // Each column is centred, so that a chain of calls is a line.
    for (node, place) in nodes.iter().zip(&mut places) {
        place.y += (tallest - bottoms[node.depth]) / 2.0;
    }
    let right = places.iter().map(|place| place.x + place.width).fold(0.0, f64::max);
    (right.max(COLUMNS), tallest - 14.0, places)
}

fn stacked(nodes: &[ServiceBox], size: DrawingSize) -> (f64, f64, Vec<BoxPlace>) {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|index| nodes[*index].depth);
    let width = size.width() - GUTTER - 4.0;
    let mut places = vec![BoxPlace { x: GUTTER, y: 0.0, width, height: 0.0 }; nodes.len()];
    let mut y = 2.0;
    for index in order {
        let height = height(&nodes[index]);
        places[index] = BoxPlace { x: GUTTER, y, width, height };
        y += height + 14.0;
    }
    (size.width(), y, places)
}

/// The path of an edge, from the caller's side to its end.
pub(super) fn curve(from: &BoxPlace, to: &BoxPlace, y: f64, size: DrawingSize) -> String {
    let middle = from.y + HEAD / 2.0;
    let points = if from.x + from.width < to.x {
        let (start, bend) = (from.x + from.width, (to.x - from.x - from.width) / 2.0);
        [start, middle, start + bend, middle, to.x - bend, y, to.x, y]
    } else {
        // The longer the way, the wider the arc, so that arcs do not overlap.
        let room = if size == DrawingSize::Narrow { GUTTER } else { GUTTER * 1.2 };
        let reach = (8.0 + (y - middle).abs() / 14.0).min(room);
        [from.x, middle, from.x - reach, middle, to.x - reach, y, to.x, y]
    };
    let [x1, y1, x2, y2, x3, y3, x4, y4] = points.map(coordinate);
    format!("M{x1} {y1}C{x2} {y2} {x3} {y3} {x4} {y4}")
}
