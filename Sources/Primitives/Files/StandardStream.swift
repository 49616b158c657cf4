import Glibc

/// Standard output and standard error, unbuffered: whoever started the program waits for these lines.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes as much as can be written.
    /// - Returns: whether that was all: a command whose answer is lost must not look as if it had been heard.
    @discardableResult
    package func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
