package import HTTP

/// The bytes that come with a call and those that it answers with, where they are too many for arguments and output: the
/// call is the life of both.
///
/// A tool that fails before its answer is sent is answered like every other call; afterwards its failure breaks the answer
/// off. So transfers are authorised, limited, ended and audited as calls, and in no other way.
package struct ToolBody: Sendable {
    /// What a tool throws that was called without the bytes it works on.
    package static let missing = ToolFailure.rejected("a file is transferred over its URL only")

    /// What the client sends, read once; `nil` where nothing is taken.
    package var request: RequestBody?
    /// Takes the answer; `nil` where none is wanted.
    package var answer: (any ToolAnswer)?

    package init(request: RequestBody? = nil, answer: (any ToolAnswer)? = nil) {
        self.request = request
        self.answer = answer
    }
}

/// An answer of bytes that is kept until it is whole, so that its head can be trusted. One operation at a time; all throw
/// ``ToolFailure`` when it cannot be kept, `CancellationError` when the call was stopped or the client has gone.
package protocol ToolAnswer: Sendable {
    /// Before anything else.
    func open() async throws
    /// There will be no more than `size` bytes.
    func limit(toSize size: Int)
    /// Adds pieces at the end.
    func append(_ pieces: [ArraySlice<UInt8>]) async throws
    /// The SHA-256 of everything; nothing may be added afterwards.
    func digest() async throws -> [UInt8]
    /// Sends all of it; returns when the client has taken it.
    func send() async throws
}
