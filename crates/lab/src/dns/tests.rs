use super::*;

/// Port 53 needs root.
mod root {
    use std::io::{BufReader, Read};
    use std::net::{self, TcpStream};
    use std::thread;

    use hickory_server::proto::op::{Message, Query};
    use hickory_server::proto::rr::RecordType;

    use super::*;

    /// Not `127.0.0.1`, whose port 53 the host may use.
    const LISTEN: Ipv4Addr = Ipv4Addr::new(127, 53, 96, 10);

    #[test]
    fn a_name_has_its_address_and_others_do_not_exist() {
        let zone = Zone {
            listen: LISTEN,
            records: BTreeMap::from([("reviews.default.svc.cluster.local".to_owned(), Ipv4Addr::new(10, 96, 1, 3))]),
        };
        let (orders, end) = io::pipe().unwrap();
        let (answers, says) = io::pipe().unwrap();
        let server = thread::spawn(move || serve_dns(&zone, BufReader::new(orders), says));
        let mut ready = String::new();
        BufReader::new(answers).read_line(&mut ready).unwrap();
        assert_eq!(ready, "{\"ready\":true}\n");

        let reviews = "reviews.default.svc.cluster.local.";
        check(reviews, RecordType::A, "NoError [10.96.1.3 for 30 s]");
        check("REVIEWS.default.svc.cluster.local.", RecordType::A, "NoError [10.96.1.3 for 30 s]");
        check(reviews, RecordType::AAAA, "NoError []");
        check("reviews.default.svc.cluster.local.svc.cluster.local.", RecordType::A, "NXDomain []");
        check("example.org.", RecordType::A, "NXDomain []");

        drop(end);
        server.join().unwrap().expect("the server ends with its orders");
    }

    /// Asks over UDP and TCP, which must agree.
    fn check(name: &str, kind: RecordType, expect: &str) {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        let query = query.to_vec().unwrap();
        for (way, answer) in [("UDP", over_udp(&query)), ("TCP", over_tcp(&query))] {
            let message = Message::from_vec(&answer).unwrap();
            let answers = message.answers.iter().map(|record| format!("{} for {} s", record.data, record.ttl));
            let answers: Vec<String> = answers.collect();
            let seen = format!("{:?} [{}]", message.metadata.response_code, answers.join(", "));
            assert_eq!(seen, expect, "{name} {kind} over {way}");
        }
    }

    fn over_udp(query: &[u8]) -> Vec<u8> {
        let socket = net::UdpSocket::bind((LISTEN, 0)).unwrap();
        socket.send_to(query, (LISTEN, 53)).unwrap();
        let mut answer = vec![0; 512];
        let length = socket.recv(&mut answer).unwrap();
        answer.truncate(length);
        answer
    }

    fn over_tcp(query: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect((LISTEN, 53)).unwrap();
        stream.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(query).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).unwrap();
        answer
    }
}
