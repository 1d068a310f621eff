//! Those of Kafka's messages that the creation of topics takes, each in one version that every
//! broker since Kafka 2.4 reads, laid out as <https://kafka.apache.org/protocol> says.
//!
//! Which broker is asked makes no difference to Redpanda, nor to a Kafka without ZooKeeper: it
//! hands the creation on to the controller. With ZooKeeper only the controller creates, so what
//! [`Metadata`] tells of brokers is passed over.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, TryGetError};

/// Longest text of a broker's that is kept.
const LONGEST_TEXT: usize = 200;
/// Lets the broker decide how many replicas a topic has, whatever the size of the cluster.
const DEFAULT_REPLICATION: i16 = -1;

/// What is asked, and how its answer is read.
pub trait Request {
    /// What the broker answers.
    type Answer;
    /// The number of the call.
    const KEY: i16;
    /// The version of the call, which decides the layout of both messages.
    const VERSION: i16;

    /// Appends the message, without its header.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads the answer, without its header.
    ///
    /// # Errors
    /// It is not laid out as such an answer is.
    fn read(from: &mut Reader) -> Result<Self::Answer, Malformed>;
}

/// An answer that ends too early, or has what cannot be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

/// Asks for a way to say who we are.
pub struct SaslHandshake(pub &'static str);

/// The broker's view of it.
pub struct SaslMechanisms {
    /// 0 if the way is open.
    pub error: i16,
    /// The ways that are.
    pub enabled: Vec<String>,
}

impl Request for SaslHandshake {
    type Answer = SaslMechanisms;
    const KEY: i16 = 17;
    const VERSION: i16 = 1;

    fn write(&self, to: &mut Vec<u8>) {
        put_string(to, self.0);
    }

    fn read(from: &mut Reader) -> Result<SaslMechanisms, Malformed> {
        Ok(SaslMechanisms {
            error: from.i16()?,
            enabled: from.array(Reader::string)?,
        })
    }
}

/// A message of the way agreed on.
pub struct SaslAuthenticate(pub Vec<u8>);

/// The broker's reply to it.
pub struct SaslReply {
    /// 0 if all is well so far.
    pub error: i16,
    /// What the broker says of the error.
    pub says: Option<String>,
    /// Its own message.
    pub message: Bytes,
}

impl Request for SaslAuthenticate {
    type Answer = SaslReply;
    const KEY: i16 = 36;
    const VERSION: i16 = 0;

    fn write(&self, to: &mut Vec<u8>) {
        to.put_i32(self.0.len() as i32);
        to.put_slice(&self.0);
    }

    fn read(from: &mut Reader) -> Result<SaslReply, Malformed> {
        Ok(SaslReply {
            error: from.i16()?,
            says: from.nullable_string()?,
            message: from.bytes()?,
        })
    }
}

/// Asks which of these topics exist, and makes none.
pub struct Metadata<'a>(pub &'a [&'static str]);

impl Request for Metadata<'_> {
    /// The number of partitions of each that exists.
    type Answer = BTreeMap<String, usize>;
    const KEY: i16 = 3;
    const VERSION: i16 = 4;

    fn write(&self, to: &mut Vec<u8>) {
        put_array(to, self.0, |to, name| put_string(to, name));
        let makes_missing_ones = 0;
        to.put_u8(makes_missing_ones);
    }

    fn read(from: &mut Reader) -> Result<Self::Answer, Malformed> {
        let _throttled_ms = from.i32()?;
        from.array(|broker| {
            let _id = broker.i32()?;
            let _host = broker.string()?;
            let _port = broker.i32()?;
            broker.nullable_string() // its rack
        })?;
        let _cluster = from.nullable_string()?;
        let _controller = from.i32()?;
        let topics = from.array(|topic| {
            let error = topic.i16()?;
            let name = topic.string()?;
            let _internal = topic.u8()?;
            let partitions = topic.array(|partition| {
                let _error = partition.i16()?;
                let _index = partition.i32()?;
                let _leader = partition.i32()?;
                let _replicas = partition.array(Reader::i32)?;
                partition.array(Reader::i32) // those in sync
            })?;
            Ok((error, name, partitions.len()))
        })?;
        let exist = topics.into_iter().filter(|(error, ..)| *error == 0);
        Ok(exist.map(|(_, name, count)| (name, count)).collect())
    }
}

/// Creates topics that are alike.
pub struct CreateTopics<'a> {
    /// Their names.
    pub names: &'a [&'static str],
    /// Of each.
    pub partitions: i32,
    /// Settings of each.
    pub settings: &'a [(&'static str, &'static str)],
    /// How long the broker may take.
    pub within_ms: i32,
}

/// What became of one of them.
pub struct Created {
    /// Its name.
    pub name: String,
    /// 0 if it was created.
    pub error: i16,
    /// What the broker says of the error.
    pub says: Option<String>,
}

impl Request for CreateTopics<'_> {
    type Answer = Vec<Created>;
    const KEY: i16 = 19;
    const VERSION: i16 = 4;

    fn write(&self, to: &mut Vec<u8>) {
        put_array(to, self.names, |to, name| {
            put_string(to, name);
            to.put_i32(self.partitions);
            to.put_i16(DEFAULT_REPLICATION);
            let replicas_by_hand = 0;
            to.put_i32(replicas_by_hand);
            put_array(to, self.settings, |to, (name, value)| {
                put_string(to, name);
                put_string(to, value);
            });
        });
        to.put_i32(self.within_ms);
        let only_checks = 0;
        to.put_u8(only_checks);
    }

    fn read(from: &mut Reader) -> Result<Vec<Created>, Malformed> {
        let _throttled_ms = from.i32()?;
        from.array(|topic| {
            Ok(Created {
                name: topic.string()?,
                error: topic.i16()?,
                says: topic.nullable_string()?,
            })
        })
    }
}

/// Appends a text. Only ours are sent, and none is longer than 32 KiB.
pub fn put_string(to: &mut Vec<u8>, text: &'static str) {
    to.put_i16(text.len() as i16);
    to.put_slice(text.as_bytes());
}

fn put_array<T>(to: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    to.put_i32(items.len() as i32);
    for item in items {
        put(to, item);
    }
}

/// What a broker says, for logs: at most 200 signs of ASCII, with `?` for any other sign.
pub fn printable(text: &str) -> String {
    let printable = |sign: char| match sign {
        ' '..='~' => sign,
        _ => '?',
    };
    text.chars().take(LONGEST_TEXT).map(printable).collect()
}

/// Reads an answer piece by piece.
pub struct Reader(pub Bytes);

impl Reader {
    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.0.try_get_u8()?)
    }

    fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(self.0.try_get_i16()?)
    }

    /// A whole number of four bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(self.0.try_get_i32()?)
    }

    fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.i32()?;
        self.take(length)
    }

    /// A [`printable`] text: it is compared with one of ours, or shown to a person.
    fn string(&mut self) -> Result<String, Malformed> {
        self.nullable_string()?.ok_or(Malformed)
    }

    fn nullable_string(&mut self) -> Result<Option<String>, Malformed> {
        match self.i16()? {
            -1 => Ok(None),
            length => {
                let text = self.take(length.into())?;
                let text = std::str::from_utf8(&text).map_err(|_| Malformed)?;
                Ok(Some(printable(text)))
            }
        }
    }

    /// Makes no room ahead for as many as are announced: they may not come.
    fn array<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.i32()?;
        if count < 0 {
            return Err(Malformed);
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn take(&mut self, length: i32) -> Result<Bytes, Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        if length > self.0.remaining() {
            return Err(Malformed);
        }
        Ok(self.0.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(request: &impl Request) -> Vec<u8> {
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        bytes
    }

    fn read<R: Request>(bytes: &'static [u8]) -> Result<R::Answer, Malformed> {
        R::read(&mut Reader(Bytes::from_static(bytes)))
    }

    #[test]
    fn topics_are_asked_for_with_partitions_and_settings() {
        let request = CreateTopics {
            names: &["reminders"],
            partitions: 3,
            settings: &[("retention.ms", "604800000")],
            within_ms: 10_000,
        };
        let expected = [
            &b"\0\0\0\x01\0\x09reminders\0\0\0\x03\xff\xff\0\0\0\0"[..],
            b"\0\0\0\x01\0\x0cretention.ms\0\x09604800000",
            b"\0\0\x27\x10\0",
        ];
        assert_eq!(written(&request), expected.concat());
    }

    #[test]
    fn what_became_of_each_topic_is_read() {
        let answer = b"\0\0\0\0\0\0\0\x02\0\x01a\0\0\xff\xff\0\x01b\0\x1d\0\x02no";
        let answer = read::<CreateTopics<'_>>(answer).unwrap();
        let found: Vec<_> = answer
            .iter()
            .map(|topic| (topic.name.as_str(), topic.error, topic.says.as_deref()))
            .collect();
        assert_eq!(found, [("a", 0, None), ("b", 29, Some("no"))]);
    }

    #[test]
    fn the_topics_that_exist_are_read_with_their_partitions() {
        assert_eq!(
            written(&Metadata(&["a", "b"])),
            b"\0\0\0\x02\0\x01a\0\x01b\0"
        );
        const ANSWER: &[u8] = b"\0\0\0\0\
            \0\0\0\x01\0\0\0\x01\0\x04host\0\0\x23\x84\xff\xff\
            \0\x02id\0\0\0\x01\
            \0\0\0\x02\
            \0\0\0\x01a\0\0\0\0\x01\
            \0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\
            \0\x03\0\x01b\0\0\0\0\0";
        let found = read::<Metadata<'_>>(ANSWER).unwrap();
        assert_eq!(found, BTreeMap::from([("a".to_owned(), 1)]));
        // And one that ends anywhere before its end is none
        for end in 0..ANSWER.len() {
            assert!(read::<Metadata<'_>>(&ANSWER[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn who_we_are_is_said_in_messages_of_bytes() {
        assert_eq!(written(&SaslHandshake("PLAIN")), b"\0\x05PLAIN");
        assert_eq!(
            written(&SaslAuthenticate(vec![7, 8])),
            b"\0\0\0\x02\x07\x08"
        );
        let ways = read::<SaslHandshake>(b"\0\x21\0\0\0\x01\0\x05PLAIN").unwrap();
        assert_eq!((ways.error, ways.enabled), (33, vec!["PLAIN".to_owned()]));
        let reply = read::<SaslAuthenticate>(b"\0\x3a\0\x02no\0\0\0\x01\x09").unwrap();
        assert_eq!((reply.error, reply.says.as_deref()), (58, Some("no")));
        assert_eq!(reply.message, &b"\x09"[..]);
    }

    #[test]
    fn texts_are_kept_so_that_they_can_be_printed() {
        let reply = read::<SaslAuthenticate>(b"\0\x3a\0\x07no\n\x1b[2J\0\0\0\0").unwrap();
        assert_eq!(reply.says.as_deref(), Some("no??[2J"));
        assert_eq!(printable("\u{202e}ü\u{7f}"), "???");
        assert_eq!(printable(&"a".repeat(9999)), "a".repeat(200));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for bytes in [
            &b"\0\0\x7f\xff\xff\xff"[..], // more mechanisms than there are bytes
            b"\0\0\xff\xff\xff\xff",      // fewer than none
            b"\0\0\0\0\0\x01\xff\xfe",    // a name of length -2
            b"\0\0\0\0\0\x01\0\x01\xff",  // a name that is no text
            b"\0\0\0\0\0\x01\xff\xff",    // no name
        ] {
            assert!(read::<SaslHandshake>(bytes).is_err(), "{bytes:?}");
        }
        assert!(read::<SaslAuthenticate>(b"\0\0\xff\xff\xff\xff\xff\xff").is_err());
    }
}
