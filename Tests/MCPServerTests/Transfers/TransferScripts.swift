import AgentLink
import Foundation
import Secrets
import Synchronization

@testable import MCPServer

/// What agents of the tests do on their streams.
enum TransferScripts {
    /// Sends `bytes` as a sound download.
    static func serve(_ bytes: [UInt8], chunk: Int = 1000) -> TransferScript {
        { stream in
            try await stream.say(.downloadBegins(size: UInt64(bytes.count)))
            for start in stride(from: 0, to: bytes.count, by: chunk) {
                try await stream.say(.chunk(bytes[start..<min(start + chunk, bytes.count)]))
            }
            try await stream.say(.done(size: UInt64(bytes.count), sha256: SHA256Digest.hash(bytes)))
            stream.end()
        }
    }

    /// Takes an upload and says what came.
    static func store(into stored: Mutex<[UInt8]>.Box, pause: Duration? = nil) -> TransferScript {
        { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            var count = 0
            while count < stream.task.size, let frame = try await stream.hear() {
                count += frame.count
                stored.value.withLock { $0 += frame }
                if let pause { try await Task.sleep(for: pause) }
            }
            guard count == stream.task.size else { return }
            let digest = stored.value.withLock { SHA256Digest.hash($0) }
            try await stream.say(.done(size: UInt64(count), sha256: digest))
            stream.end()
        }
    }

    /// Sends these messages and ends.
    static func messages(_ messages: [[UInt8]]) -> TransferScript {
        { stream in
            for message in messages { try await stream.say(raw: message) }
            stream.end()
        }
    }

    /// Begins a download and then sends one byte every few milliseconds.
    static let trickle: TransferScript = { stream in
        try await stream.say(.downloadBegins(size: 1_000_000))
        while true {
            try await stream.say(.chunk([0]))
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    static func refusal(_ text: String) -> TransferScript { messages([TransferFrame.error(text).bytes]) }
}

extension Mutex where Value == [UInt8] {
    /// Bytes that several tasks share.
    final class Box: Sendable {
        let value = Mutex<[UInt8]>([])

        var bytes: [UInt8] { value.withLock { $0 } }
    }
}

typealias TransferBytes = Mutex<[UInt8]>.Box
