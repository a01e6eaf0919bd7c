//! The first message of a TLS connection, read for one thing: the name that it asks for (RFC 8446, section 4.1.2; RFC 6066, section 3).

/// What has come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hello {
    /// Not all of it.
    Begun,
    /// A ClientHello with this name, or with none.
    Named(Option<String>),
    /// No ClientHello, or one whose name nobody outside can read.
    Strange(&'static str),
}

/// Longest ClientHello, in bytes with its records: those with keys after quantum computers have 2 KiB.
pub(super) const HELLO_MAX: usize = 16 * 1024;

/// `handshake`, as a record and as a message; `host_name`.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HOST_NAME: u8 = 0;
/// Extensions: `server_name`, and `encrypted_client_hello`, behind which there is another name.
const SERVER_NAME: usize = 0;
const ENCRYPTED: usize = 0xfe0d;
/// Longest plain record (RFC 8446, section 5.1).
const RECORD_MAX: usize = 1 << 14;

const NO_HELLO: Hello = Hello::Strange("it does not begin with TLS");

/// Reads the bytes that a client has sent.
pub(super) fn read(bytes: &[u8]) -> Hello {
    let mut message = Vec::new();
    let mut records = Bytes(bytes);
    loop {
        if let Some(length) = Bytes(&message).message_length() {
            if length > HELLO_MAX {
                return Hello::Strange("its first message is too long");
            }
            if message.len() >= length {
                return named(&message[..length]).unwrap_or(NO_HELLO);
            }
        }
        // What is wrong is so from its first byte on.
        let head = records.0;
        let is_tls = head.first().is_none_or(|kind| *kind == HANDSHAKE) && head.get(1).is_none_or(|major| *major == 3);
        if !is_tls {
            return NO_HELLO;
        }
        let Some(_) = records.take(3) else { return Hello::Begun };
        let Some(length) = records.number(2) else { return Hello::Begun };
        if length == 0 || length > RECORD_MAX {
            return NO_HELLO;
        }
        let Some(fragment) = records.take(length) else { return Hello::Begun };
        message.extend_from_slice(fragment);
    }
}

/// The name in a whole ClientHello. `None`: it is none.
fn named(message: &[u8]) -> Option<Hello> {
    let mut bytes = Bytes(message);
    if bytes.number(1)? != usize::from(CLIENT_HELLO) {
        return None;
    }
    let mut body = Bytes(bytes.list(3)?);
    // Version and random bytes, session, ciphers, compression.
    body.take(2 + 32)?;
    body.list(1)?;
    body.list(2)?;
    body.list(1)?;
    if body.0.is_empty() {
        return Some(Hello::Named(None));
    }
    let (mut extensions, mut name) = (Bytes(body.list(2)?), None);
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let data = extensions.list(2)?;
        match kind {
            ENCRYPTED => return Some(Hello::Strange("it hides the name that it asks for")),
            SERVER_NAME if name.is_some() => return None,
            SERVER_NAME => name = Some(server_name(data)?),
            _ => {}
        }
    }
    body.0.is_empty().then_some(Hello::Named(name))
}

/// The one name of the extension.
fn server_name(data: &[u8]) -> Option<String> {
    let mut data = Bytes(data);
    let mut list = Bytes(data.list(2)?);
    let is_host = list.number(1)? == usize::from(HOST_NAME);
    let name = list.list(2)?;
    let is_all = list.0.is_empty() && data.0.is_empty();
    (is_host && is_all).then(|| String::from_utf8(name.to_vec()).ok()).flatten()
}

/// Bytes that are left.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, at most three.
    fn number(&mut self, length: usize) -> Option<usize> {
        self.take(length).map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What stands behind its length, which has so many bytes.
    fn list(&mut self, length: usize) -> Option<&'a [u8]> {
        let length = self.number(length)?;
        self.take(length)
    }

    /// Length of the message that begins here, with its head.
    fn message_length(&self) -> Option<usize> {
        let mut bytes = Bytes(self.0.get(1..)?);
        bytes.number(3).map(|length| length + 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(bytes: &[u8], size: usize) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length[4 - size..], bytes].concat()
    }

    fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &length(data, 2)].concat()
    }

    fn asks_for(name: &str) -> Vec<u8> {
        extension(0, &length(&[&[0][..], &length(name.as_bytes(), 2)].concat(), 2))
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &length(extensions, 2)].concat();
        [&[1][..], &length(&body, 3)].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|chunk| [&[22, 3, 1][..], &length(chunk, 2)].concat()).collect()
    }

    fn named(name: &str) -> Hello {
        Hello::Named(Some(name.to_owned()))
    }

    #[test]
    fn the_name_is_found_however_the_message_is_cut() {
        let message = hello(&[extension(43, &[2, 3, 4]), asks_for("api.example.com"), extension(0x0a0a, &[])].concat());
        for size in [1, 2, 5, 40, 4096] {
            let sent = records(&message, size);
            assert_eq!(read(&sent), named("api.example.com"), "{size}");
            assert_eq!(
                read(&[&sent[..], b"\x17\x03\x03"].concat()),
                named("api.example.com"),
                "what comes later is not looked at"
            );
            for end in 0..sent.len() {
                assert_eq!(read(&sent[..end]), Hello::Begun, "{size} {end}");
            }
        }
        assert_eq!(read(&records(&hello(&[]), 99)), Hello::Named(None));
    }

    #[test]
    fn a_real_client_is_understood() {
        let config = crate::effect::tls::client_config().unwrap();
        let name = "api.example.com".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
        let mut sent = Vec::new();
        client.write_tls(&mut sent).unwrap();
        assert_eq!(read(&sent), named("api.example.com"));
    }

    #[test]
    fn what_is_no_hello_is_not_waited_for() {
        let ech = hello(&[asks_for("api.example.com"), extension(0xfe0d, &[0; 9])].concat());
        let twice = hello(&[asks_for("api.example.com"), asks_for("evil.example")].concat());
        let two = {
            let entry = [&[0][..], &length(b"a.example", 2)].concat();
            hello(&extension(0, &length(&[entry.clone(), entry].concat(), 2)))
        };
        for strange in [
            b"GET / HTTP/1.1".to_vec(),
            b"\x16\x02\x00".to_vec(),
            b"SSH-2.0-x".to_vec(),
            vec![22, 3, 1, 0, 0],
            vec![22, 3, 1, 0x40, 1],
            records(&[2, 0, 0, 0], 9),
            records(&[1, 0xff, 0xff, 0xff], 9),
            records(&[&hello(&asks_for("a.example"))[..4], &[0; 200]].concat(), 300),
            records(&ech, 4096),
            records(&twice, 4096),
            records(&two, 4096),
        ] {
            assert!(matches!(read(&strange), Hello::Strange(_)), "{strange:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1_usize..60) {
            read(&bytes);
            read(&records(&bytes, cut));
            read(&records(&hello(&bytes), cut));
        }
    }
}
