use std::io::BufRead;

/// Waits for the end of the orders; once one of them was `keep`, for ever.
pub(crate) fn await_end(orders: impl BufRead) {
    let mut keep = false;
    for line in orders.lines().map_while(Result::ok) {
        keep |= line.trim() == "keep";
    }
    while keep {
        std::thread::park();
    }
}
