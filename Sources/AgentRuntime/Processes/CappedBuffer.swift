/// The first bytes of an output; the rest is read and forgotten, so that the program is never held back.
struct CappedBuffer: Sendable, Equatable {
    let limit: Int
    private(set) var bytes: [UInt8] = []
    private(set) var isTruncated = false

    init(limit: Int) {
        self.limit = limit
    }

    mutating func append(_ piece: [UInt8]) {
        let room = limit - bytes.count
        bytes += piece.prefix(room)
        if piece.count > room { isTruncated = true }
    }

    /// What is not UTF-8 becomes U+FFFD: a task result can carry nothing else (`agent-link-details.md` 1).
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
