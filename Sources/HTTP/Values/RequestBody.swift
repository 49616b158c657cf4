/// A request body that is read once, chunk by chunk; the sender is held back while nobody reads.
package struct RequestBody: Sendable {
    package enum Failure: Error, Sendable, Equatable {
        /// More than `limit` bytes came.
        case tooLarge(limit: Int)
        /// The sender went away.
        case broken
    }

    private let gathers: @Sendable (Int) -> Void
    private let whole: @Sendable () -> [UInt8]?
    private let read: @Sendable () async throws -> [UInt8]?

    /// - Parameters:
    ///   - gathers: told by ``collect(upTo:)`` how many bytes more it holds; below 0, how many fewer.
    ///   - whole: all that ``next()`` would return, if it is there already and can be had without waiting; it is taken then.
    ///   - read: the next non-empty chunk; `nil` at the end; throws when the sender went away.
    package init(
        gathers: @escaping @Sendable (Int) -> Void = { _ in }, whole: @escaping @Sendable () -> [UInt8]? = { nil },
        read: @escaping @Sendable () async throws -> [UInt8]?
    ) {
        self.gathers = gathers
        self.whole = whole
        self.read = read
    }

    package static let empty = RequestBody { nil }

    /// The next chunk; `nil` at the end.
    package func next() async throws -> [UInt8]? { try await read() }

    /// The whole body.
    /// - Throws: ``Failure/tooLarge(limit:)`` as soon as more than `limit` bytes have come, ``Failure/broken``.
    package func collect(upTo limit: Int) async throws(Failure) -> [UInt8] {
        if let whole = whole() {
            guard whole.count <= limit else { throw .tooLarge(limit: limit) }
            return whole
        }
        var whole: [UInt8] = []
        defer { gathers(-whole.count) }
        while true {
            let chunk: [UInt8]?
            do { chunk = try await read() } catch { throw .broken }
            guard let chunk else { return whole }
            guard whole.count + chunk.count <= limit else { throw .tooLarge(limit: limit) }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
            gathers(chunk.count)
        }
    }
}
