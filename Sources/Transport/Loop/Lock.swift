public import Synchronization

/// A `Mutex` that the thread sanitizer understands. When contended, `Mutex` waits inside the runtime, which isn't
/// instrumented, and races are reported where there are none; the atomic shows the order of the sections.
public struct Lock<Value: ~Copyable>: ~Copyable, Sendable {
    // Inlined everywhere, so that no section costs a look-up of its types; the compiler does that for what is public only.
    @usableFromInline let mutex: Mutex<Value>
    @usableFromInline let sections = Atomic(0)

    public init(_ value: consuming sending Value) { mutex = Mutex(value) }

    @inlinable @inline(__always) public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { (value) throws(Failure) in
            _ = sections.load(ordering: .acquiring)
            defer { sections.add(1, ordering: .releasing) }
            return try body(&value)
        }
    }
}
