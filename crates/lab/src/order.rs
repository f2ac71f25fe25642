use std::io::BufRead;

/// Waits for the end of the orders; once one of them was `keep`, for ever.
pub(crate) fn await_end(orders: impl BufRead) {
    let mut keep = false;
    for line in orders.lines().map_while(Result::ok) {
        keep |= line.trim() == "keep";
    }
    if keep {
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::await_end;

    #[test]
    fn orders_end_with_their_last_line_unless_one_was_to_keep() {
        for orders in ["", "stop\n", "keeper\nno keep"] {
            await_end(orders.as_bytes());
        }
    }
}
