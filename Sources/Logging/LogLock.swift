import Synchronization

/// A `Mutex` that the thread sanitizer understands: when contended, `Mutex` waits inside the runtime, which isn't
/// instrumented, and races are reported where there are none; the atomic shows the order of the sections.
struct LogLock<Value>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let sections = Atomic(0)

    init(_ value: consuming sending Value) { mutex = Mutex(value) }

    func withLock<Result>(_ body: (inout sending Value) -> sending Result) -> sending Result {
        mutex.withLock { value in
            _ = sections.load(ordering: .acquiring)
            defer { sections.add(1, ordering: .releasing) }
            return body(&value)
        }
    }
}
