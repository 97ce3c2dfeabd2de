namespace Linux.Abi;

/// <summary>struct pollfd, poll.h.</summary>
internal struct PollEntry
{
    public int Fd;
    public short Events, Found;
}

/// <summary>asm-generic/poll.h.</summary>
internal static class Poll
{
    public const short POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 0x10, POLLNVAL = 0x20, POLLRDHUP = 0x2000;
}
