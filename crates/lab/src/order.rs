use std::io::BufRead;

/// Waits for the end of the orders; once one of them was `keep`, for ever.
pub(crate) fn await_end(orders: impl BufRead) {
    await_end_heeding(orders, |_| ());
}

/// Waits for the end of the orders, and passes every other order to `heed`.
pub(crate) fn await_end_heeding(orders: impl BufRead, mut heed: impl FnMut(&str)) {
    let mut keep = false;
    for line in orders.lines().map_while(Result::ok) {
        match line.trim() {
            "keep" => keep = true,
            order => heed(order),
        }
    }
    if keep {
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{await_end, await_end_heeding};

    #[test]
    fn other_orders_are_handed_on() {
        let mut heard = Vec::new();
        await_end_heeding("hide a\nshow a\n".as_bytes(), |order| heard.push(order.to_owned()));
        assert_eq!(heard, ["hide a", "show a"]);
    }

    #[test]
    fn orders_end_with_their_last_line_unless_one_was_to_keep() {
        for orders in ["", "stop\n", "keeper\nno keep"] {
            await_end(orders.as_bytes());
        }
    }
}
