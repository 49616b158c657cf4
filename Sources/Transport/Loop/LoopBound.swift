/// Carries a value that belongs to a loop through code that runs elsewhere, such as a `@Sendable` closure, and gives it
/// out on that loop alone.
///
/// Unchecked: the value is reached on its loop only, which ``get(on:)`` checks. Its last reference may go elsewhere, so
/// its `deinit` must not need the loop.
package struct LoopBound<Value>: @unchecked Sendable {
    private let value: Value
    package let loop: EventLoop

    package init(_ value: Value, on loop: isolated EventLoop) {
        self.value = value
        self.loop = loop
    }

    package func get(on loop: isolated EventLoop) -> Value {
        precondition(loop === self.loop, "a value of another loop")
        return value
    }
}
