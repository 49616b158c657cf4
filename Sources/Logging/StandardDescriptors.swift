import Glibc

/// Standard input, output and error.
package enum StandardDescriptors {
    /// Opens those that whoever started the program had closed, on nothing. Else the next files that are opened get
    /// their numbers, and log lines would go into a database. Standard output cannot be written then: a command's answer
    /// is lost, and has to count as that. To be called first of all.
    package static func open() {
        while true {
            var descriptor = unsafe Glibc.open("/dev/null", O_RDWR)
            if descriptor == STDOUT_FILENO {
                close(descriptor)
                descriptor = unsafe Glibc.open("/dev/null", O_RDONLY)
            }
            guard descriptor >= 0 else { return }
            if descriptor > STDERR_FILENO {
                close(descriptor)
                return
            }
        }
    }
}
