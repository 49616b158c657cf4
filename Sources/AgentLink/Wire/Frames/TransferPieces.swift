import CLinux

/// In what pieces both ends move files, and what the process has to know about it.
package enum TransferPieces {
    /// Bytes of a file in one message, and what is received of a connection at a time.
    package static let payload = 1 << 18
    /// What one HTTP/2 frame may hold: a message with all that goes before it (NZTC 12, protobuf 4, gRPC 5), so that the
    /// receiver has none to put together.
    package static let frame = payload + 64
    /// What is written to a file or read from it at a time: each time costs a change of threads.
    package static let batch = 4 * payload
    /// Nor more messages than so many, however small they are: each of them takes memory of its own.
    package static let messagesInBatch = 64

    /// To be called once, at the start of a program that moves files.
    ///
    /// Pieces are larger than what the C library keeps of freed memory by default. It would give each of them back to
    /// the system and get it anew, and every page of it costs a fault. Kept is what a few pieces take, as each thread has
    /// memory of its own.
    package static func keepFreedMemory() {
        linux_keep_freed_memory(4 * Int32(payload))
    }
}
