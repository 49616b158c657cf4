import CLinux
import Glibc

/// What a system call failed with.
package struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// As errno has it.
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// Takes the errno of the call that has just failed.
    static var last: SystemError { SystemError(code: errno) }

    /// The system's text, in lower case as it stands in the middle of a message.
    package var description: String {
        var text = [CChar](repeating: 0, count: 256)
        let end = text.count
        let message = unsafe text.withUnsafeMutableBufferPointer { buffer in
            unsafe String(cString: linux_error_text(code, buffer.baseAddress!, end))
        }
        return message.lowercased()
    }
}
