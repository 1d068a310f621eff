//! A broker for unit tests: all it has are prepared answers.

use bytes::{Buf, BufMut, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::Connection;

/// A connection to a broker that answers with what `answer` makes of a request's key and message.
pub fn broker(answer: impl FnMut(i16, Bytes) -> Vec<u8> + Send + 'static) -> Connection {
    let (ours, theirs) = duplex(4096);
    tokio::spawn(serve(theirs, answer));
    Connection::piped(ours)
}

/// Until the connection ends.
async fn serve(mut stream: DuplexStream, mut answer: impl FnMut(i16, Bytes) -> Vec<u8>) {
    while let Ok(length) = stream.read_i32().await {
        let mut request = vec![0; length as usize];
        stream.read_exact(&mut request).await.unwrap();
        let mut request = Bytes::from(request);
        let key = request.get_i16();
        let _version = request.get_i16();
        let number = request.get_i32();
        let client = request.get_i16();
        request.advance(client as usize);
        let answer = answer(key, request);
        let mut frame = Vec::new();
        frame.put_i32(answer.len() as i32 + 4);
        frame.put_i32(number);
        frame.put_slice(&answer);
        stream.write_all(&frame).await.unwrap();
    }
}
