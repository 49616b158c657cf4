import Glibc

/// A system call that failed.
package struct SystemCallError: Error, Sendable, Equatable {
    /// As errno has it.
    package let code: Int32

    package init(code: Int32) {
        self.code = code
    }

    /// Takes the errno of the call that has just failed.
    package static var last: SystemCallError { SystemCallError(code: errno) }

    /// The system's text, in lower case as it stands in the middle of a message.
    package var reason: String {
        unsafe String(cString: strerror(code)).lowercased()
    }
}

/// Calls `body` again while a signal interrupts it.
/// - Throws: ``SystemCallError`` for any other failure.
@discardableResult
package func retryingInterrupts<Value: SignedNumeric & Comparable>(
    _ body: () -> Value
) throws(SystemCallError) -> Value {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemCallError(code: code) }
    }
}
