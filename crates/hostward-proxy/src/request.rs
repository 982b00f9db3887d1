//! A request, with its head and as much of its body as came with it.

use hostward::api::endpoint::{self, Endpoint};
use hostward::api::operations;
use hostward::version::ApiVersion;
use hostward_engine::http1::{
    Framing, HeadEnd, HeadError, RequestHead, asking_identity, header_values, with_length, with_target,
};

/// A client's request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    head_len: usize,
    /// Head and body as they came.
    bytes: Vec<u8>,
    /// The body that is still to come.
    pub(crate) rest: Framing,
}

impl Request {
    /// Reads a head off the front of `bytes`, with what there is of its body; gives the bytes that it took.
    pub(crate) fn parse(bytes: &[u8], end: &mut HeadEnd) -> (usize, Option<Result<Self, HeadError>>) {
        let head_len = match end.find(bytes) {
            Ok(Some(len)) => len,
            Ok(None) => return (0, None),
            Err(error) => return (0, Some(Err(error))),
        };
        match RequestHead::parse(&bytes[..head_len]) {
            Err(error) => (0, Some(Err(error))),
            Ok(head) => {
                let mut rest = head.framing;
                let Ok(body) = rest.advance(&bytes[head_len..]) else {
                    return (0, Some(Err(HeadError::Length("its chunks are malformed"))));
                };
                let len = head_len + body.used;
                (len, Some(Ok(Self { head, head_len, bytes: bytes[..len].to_vec(), rest })))
            }
        }
    }

    pub(crate) fn method(&self) -> &[u8] {
        &self.bytes[self.head.method.clone()]
    }

    pub(crate) fn target(&self) -> &[u8] {
        &self.bytes[self.head.target.clone()]
    }

    /// How long the head is.
    pub(crate) fn head_len(&self) -> usize {
        self.head_len
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        operations::classify(self.method(), self.target())
    }

    /// Method and target, for people.
    pub(crate) fn line(&self) -> String {
        let (method, target) = (self.method(), self.target());
        format!("{} {}", String::from_utf8_lossy(method), String::from_utf8_lossy(target))
    }

    /// The version of the API that it asks for.
    pub(crate) fn version(&self) -> Option<ApiVersion> {
        endpoint::version(self.target())
    }

    /// What its body is, as the head says: more than once where the client has a type of its own beside that of its library.
    pub(crate) fn content_types(&self) -> impl Iterator<Item = &[u8]> {
        header_values(&self.bytes[..self.head_len], "content-type")
    }

    /// Whether sending it twice is as good as once.
    pub(crate) fn is_safe(&self) -> bool {
        matches!(self.method(), b"GET" | b"HEAD" | b"OPTIONS")
    }

    /// Asks for another target.
    ///
    /// # Errors
    /// A target that no request line can have.
    pub(crate) fn replace_target(&mut self, target: &[u8]) -> Result<(), HeadError> {
        let (request, head) = with_target(&self.bytes[..self.head_len], target)?;
        self.head = request;
        self.bytes.splice(..self.head_len, head.iter().copied());
        self.head_len = head.len();
        Ok(())
    }

    /// Names a container by its id, in the place of the name that the target has for it: between a look and the engine's a
    /// name may pass to another one.
    ///
    /// # Errors
    /// A target that no request line can have.
    pub(crate) fn name_by_id(&mut self, id: &str) -> Result<(), HeadError> {
        match endpoint::with_container(self.target(), id) {
            Some(target) => self.replace_target(&target),
            None => Ok(()),
        }
    }

    /// Asks for an answer that can be read. Nothing else of it changes.
    pub(crate) fn ask_identity(&mut self) {
        let head = asking_identity(&self.bytes[..self.head_len]);
        self.bytes.splice(..self.head_len, head.iter().copied());
        self.head_len = head.len();
    }

    /// Takes the body out that came with the head: it is read.
    pub(crate) fn take_begun(&mut self) -> Vec<u8> {
        self.bytes.split_off(self.head_len)
    }

    /// Puts a body behind the head, as it came.
    pub(crate) fn put_body(&mut self, wire: &[u8]) {
        self.bytes.truncate(self.head_len);
        self.bytes.reserve_exact(wire.len());
        self.bytes.extend_from_slice(wire);
    }

    /// Puts another body behind the head, with its length in the head.
    pub(crate) fn replace_body(&mut self, body: &[u8]) {
        if self.is_of_length(body.len() as u64) {
            return self.put_body(body);
        }
        self.replace_head(body.len() as u64);
        self.put_body(body);
    }

    /// Says in the head how long the body is that follows.
    pub(crate) fn replace_head(&mut self, length: u64) {
        self.bytes = with_length(&self.bytes[..self.head_len], length);
        self.head_len = self.bytes.len();
    }

    /// Whether the head needs no change for a body of this length.
    fn is_of_length(&self, length: u64) -> bool {
        self.head.framing == Framing::Length(length) && !self.head.expects_continue
    }

    /// How the answer is to be given.
    pub(crate) fn manner(&self) -> Manner {
        Manner {
            head_only: self.method() == b"HEAD",
            // Without the request's end it cannot be told where the next one begins.
            closes: !self.rest.is_done() || !self.head.persistent,
        }
    }

    /// What is sent of it: the head, and what there is of the body.
    pub(crate) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// How a request is answered that the engine does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It is a HEAD, whose answer has no body.
    pub(crate) head_only: bool,
    /// The connection ends with the answer.
    pub(crate) closes: bool,
}
